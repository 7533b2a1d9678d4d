"""One server, one nginx and one Apache with a site for each planted fault, and every site examined, many at once."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chatbot.core.secret import Secret
from chatbot.doctor.examine import examine
from chatbot.doctor.files import lines_of
from chatbot.doctor.front import Front
from chatbot.doctor.pace import Pace
from chatbot.doctor.pages import cors_check
from chatbot.store.database import Database
from chatbot.store.directory import DirectoryStore
from tests.doctor.planted import APACHE, FAULTS, NGINX, RIGHT, Fault
from tests.engines import bare_nginx, binary, process
from tests.ports import free_port
from tests.server import KEY, ROOT, running

PACE = Pace(events=6, every=0.25, idle=(0.5, 3.5), silence=1.5, goodbye=0.4, streams=12, hold=3.0)
ORIGIN = "http://localhost:3000"
UNBOUND = """
import chatbot.access.diagnosing as bounds
bounds.PER_MINUTE = bounds.AT_ONCE = 100_000
"""
AT_ONCE = 14
"""Examinations side by side: they wait more than they work."""

_MODULES = (
    "mpm_event", "authz_core", "proxy", "proxy_http", "headers", "ssl", "http2", "env", "setenvif", "rewrite",
    "ext_filter", "filter", "deflate", "substitute", "alias", "socache_shmcb", "unixd", "reqtimeout",
)  # fmt: skip
_APACHE = """
{modules}
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
Mutex file:{folder} default
User nobody
Group nogroup
ExtFilterDefine held mode=output cmd="/bin/sed s/none/none/"
StartServers 1
ThreadLimit 500
ServerLimit 1
ThreadsPerChild 500
MaxRequestWorkers 500
MinSpareThreads 1
MaxSpareThreads 500
{listen}
Include {folder}/sites/*.conf
"""


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """`good`, `short` (five days) and `other` (another name): each signs itself, and all are in `all.pem`."""
    folder = tmp_path_factory.mktemp("certificates")
    for name, days, alt in (("good", 60, "IP:127.0.0.1"), ("short", 5, "IP:127.0.0.1"), ("other", 60, "DNS:other.example")):  # fmt: skip
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                   "-days", str(days), "-subj", f"/CN={name}", "-addext", f"subjectAltName={alt}",
                   "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
    together = "".join((folder / f"{n}.pem").read_text() for n in ("good", "short", "other"))
    (folder / "all.pem").write_text(together)
    return folder


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """The server behind one trusted proxy."""
    folder = tmp_path_factory.mktemp("app")
    with running(folder, extra=UNBOUND, CHATBOT_TRUSTED_PROXIES="1") as server:
        yield server


@pytest.fixture(scope="session")
def page_key(app):
    """The demo bot's publishable key."""
    database = Database(Secret(""), app.log_file.parent)
    keys = DirectoryStore(database).contents().keys
    database.close()
    return next(k.shown for k in keys if k.kind == "pk")


class Sites:
    """Sites of one front. Each is a file of its own with a port of its own."""

    def __init__(self, folder: Path, kind: str, app_port: int, certificates: Path) -> None:
        self.folder, self.kind = folder, kind
        self.ports: dict[Fault, int] = {}
        self._app, self._certificates = app_port, certificates
        (folder / "sites").mkdir()

    def file(self, fault: Fault) -> Path:
        return self.folder / "sites" / f"{self.ports[fault]}.conf"

    def add(self, fault: Fault) -> None:
        self.ports[fault] = next(p for p in iter(free_port, 0) if p not in self.ports.values())
        shipped = (ROOT / "deploy" / f"{self.kind}.conf").read_text().replace(":8000", ":APP")
        text = fault.plant(shipped.replace("443", str(self.ports[fault])))
        text = _without_redirect(text).replace(":APP", f":{self._app}")
        text = text.replace("chatbot;", f"chatbot_{self.ports[fault]};")
        text = text.replace("upstream chatbot ", f"upstream chatbot_{self.ports[fault]} ")
        text = text.replace("zone=each", f"zone=each{self.ports[fault]}").replace("limit_conn each", f"limit_conn each{self.ports[fault]}")  # fmt: skip
        self.file(fault).write_text(self._with_tls(text, fault) if fault.tls else _plain(text))

    def _with_tls(self, text: str, fault: Fault) -> str:
        own = str(self._certificates / fault.certificate)
        text = re.sub(r"/etc/letsencrypt/live/chat.example/fullchain", own, text)
        return text.replace("/etc/letsencrypt/live/chat.example/privkey.pem", f"{own}.key")

    def examine(self, fault: Fault, page_key: str):
        scheme = "https" if fault.tls else "http"
        url = urlsplit(f"{scheme}://{fault.host}:{self.ports[fault]}")
        ca = str(self._certificates / "all.pem") if fault.tls and fault.trusted else None
        lines = lines_of([self.file(fault)])
        return examine(Front(url, KEY, ca), PACE, [cors_check(ORIGIN, page_key)], lines)


def _without_redirect(text: str) -> str:
    text = re.sub(r"server \{\s+listen 80;.*?\n\}\n", "", text, flags=re.S)
    return re.sub(r"<VirtualHost \*:80>.*?</VirtualHost>\n", "", text, flags=re.S)


def _plain(text: str) -> str:
    text = re.sub(r"^\s*(SSL|Protocols|ssl_).*\n", "", text, flags=re.M)
    return text.replace(" ssl http2;", ";")


def _command(sites: Sites) -> list[str]:
    folder = sites.folder
    file = folder / "front.conf"
    if sites.kind == NGINX:
        file.write_text(bare_nginx(folder, "sites/*.conf"))
        return [binary("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(file)]
    modules = "\n".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so" for m in _MODULES if Path(f"/usr/lib/apache2/modules/mod_{m}.so").exists())  # fmt: skip
    listen = "\n".join(f"Listen 127.0.0.1:{port}" for port in sites.ports.values())
    file.write_text(_APACHE.format(folder=folder, modules=modules, listen=listen))
    return [binary("apache2"), "-f", str(file), "-D", "FOREGROUND"]


def _examined(sites: Sites, page_key: str):
    for fault in (RIGHT, *FAULTS[sites.kind]):
        sites.add(fault)
    with (
        process(_command(sites), sites.ports[RIGHT], sites.folder),
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        found = {f: pool.submit(sites.examine, f, page_key) for f in sites.ports}
        yield sites, found


def _fixture(kind: str):
    @pytest.fixture(scope="session", name=kind)
    def made(app, page_key, certificates, tmp_path_factory):
        binary("nginx" if kind == NGINX else "apache2")
        folder = tmp_path_factory.mktemp(kind)
        yield from _examined(Sites(folder, kind, app.port, certificates), page_key)

    return made


nginx_sites, apache_sites = _fixture(NGINX), _fixture(APACHE)
Found = dict[Fault, Future]
