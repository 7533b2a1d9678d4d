"""One thing that can be wrong before or in a server: what it is called, what it means, and what to change."""

from __future__ import annotations

from dataclasses import dataclass

NGINX, APACHE, OTHER = "nginx", "apache", "other"
_SITES = {
    NGINX: "usually a file in /etc/nginx/sites-enabled, in the location with proxy_pass",
    APACHE: "usually a file in /etc/apache2/sites-enabled, in the <VirtualHost> with ProxyPass",
}
_SETTINGS = "the server's environment, or .env in the folder that it is started in"


@dataclass(frozen=True)
class Word:
    """One thing that can be wrong. `stands` are regular expressions by front, for the line that is at fault.

    `setting`: it is changed in the environment or `.env`, whatever the front is.
    """

    means: str
    nginx: str
    apache: str
    other: str
    stands: tuple[tuple[str, str], ...] = ()
    setting: bool = False

    def change(self, front: str) -> str:
        """The line to change, for this front."""
        return {NGINX: self.nginx, APACHE: self.apache}.get(front, self.other)

    def usually(self, front: str) -> str:
        """Where that line mostly stands, for those whose files can't be read from here."""
        if self.setting:
            return _SETTINGS if self.other.startswith("CHATBOT_") else ""
        return _SITES.get(front, "")


def setting(means: str, change: str) -> Word:
    """A word for what is changed in the server or on its machine."""
    return Word(means, change, change, change, setting=True)


def both(nginx: str, apache: str) -> tuple[tuple[str, str], ...]:
    """The expressions of `stands`, one for each front."""
    return ((NGINX, nginx), (APACHE, apache))


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `where` is file and line, as far as they are known."""

    word: str
    detail: str = ""
    where: str = ""
