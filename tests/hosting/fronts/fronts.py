"""The fronts, each started with its file of `deploy/`: only names, ports, folders and certificates are changed."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.hosting.fronts.machine import binary, children, missing, started
from tests.hosting.fronts.servers import NAME, Running
from tests.ports import free_port
from tests.server import ROOT

Changes = Iterable[tuple[str, str]]
_LIVE = "/etc/letsencrypt/live/chat.example"
# As Debian ships it, but for folders, and with room for 200 answers, each of which is two connections.
_NGINX = """
daemon off;
{user}
worker_processes auto;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 768; }}
http {{
  sendfile on;
  tcp_nopush on;
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  gzip on;
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  include {folder}/site.conf;
}}
"""
_MODULES = Path("/usr/lib/apache2/modules")
_LOADED = ("mpm_event", "authz_core", "proxy", "proxy_http", "headers", "ssl", "http2", "env", "setenvif", "reqtimeout",
           "filter", "deflate", "mime", "alias", "socache_shmcb", "unixd", "wsgi")  # fmt: skip
_APACHE = """
{modules}
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
Mutex file:{folder} default
{user}
Options FollowSymLinks
TypesConfig /etc/mime.types
{wsgi}
ThreadLimit 64
ServerLimit 16
MaxRequestWorkers 400
ThreadsPerChild 25
Listen 127.0.0.1:{port}
Include {folder}/site.conf
"""


def shipped(name: str, port: int, app: int, certificates: Path, changes: Changes = ()) -> str:
    """A file of `deploy/` for this port, before an application on that one; `changes` are an owner's, (old, new)."""
    text = (ROOT / "deploy" / name).read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    text = text.replace(":8000", ":APP")
    text = re.sub(r":80\b", f":{free_port()}", text).replace("listen 80;", f"listen {free_port()};")
    text = re.sub(r"\b443\b", str(port), text)
    text = text.replace(f"{_LIVE}/fullchain.pem", str(certificates / "site.pem"))
    text = text.replace(f"{_LIVE}/privkey.pem", str(certificates / "site.key"))
    return text.replace(":APP", f":{app}")


def _is_root() -> bool:
    return os.geteuid() == 0


@contextlib.contextmanager
def nginx(folder: Path, app: int, certificates: Path, changes: Changes = ()) -> Iterator[Running]:
    """nginx with `deploy/nginx.conf`."""
    port, program = free_port(), binary("nginx")
    text = shipped("nginx.conf", port, app, certificates, changes)
    (folder / "site.conf").write_text(text.replace("/srv/chatbot", str(ROOT)))
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, user="user root;" if _is_root() else ""))  # fmt: skip
    command = [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with started(command, port, folder) as pid:
        yield Running(port, pid, lambda: children(pid))


@contextlib.contextmanager
def apache(folder: Path, app: int, certificates: Path, changes: Changes = ()) -> Iterator[Running]:
    """Apache with `deploy/apache.conf`."""
    port = free_port()
    text = shipped("apache.conf", port, app, certificates, changes)
    with _apache(folder, port, text) as pid:
        yield Running(port, pid, lambda: children(pid))


@contextlib.contextmanager
def mod_wsgi(folder: Path, certificates: Path, changes: Changes = ()) -> Iterator[Running]:
    """Apache with `deploy/apache-wsgi.conf`; `folder` is what it calls /srv/chatbot."""
    if not (_MODULES / "mod_wsgi.so").exists():
        missing("mod_wsgi")
    port = free_port()
    text = shipped("apache-wsgi.conf", port, 0, certificates, changes).replace(
        "/srv/chatbot", str(folder)
    )
    with _apache(folder, port, text) as pid:
        yield Running(port, pid, lambda: [p for p in children(pid) if _is_daemon(p)])


def _is_daemon(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"chatbot")
    return False


@contextlib.contextmanager
def _apache(folder: Path, port: int, site: str) -> Iterator[int]:
    program = binary("apache2")
    (folder / "site.conf").write_text(site)
    there = [name for name in _LOADED if (_MODULES / f"mod_{name}.so").exists()]
    modules = "\n".join(f"LoadModule {m}_module {_MODULES}/mod_{m}.so" for m in there)
    user = "User nobody\nGroup nogroup" if _is_root() else ""
    wsgi = f"WSGISocketPrefix {folder}/wsgi" if "wsgi" in there else ""
    (folder / "apache.conf").write_text(_APACHE.format(folder=folder, modules=modules, user=user, port=port, wsgi=wsgi))  # fmt: skip
    if _is_root():
        for path in (folder, *(p for p in folder.rglob("*") if not p.is_symlink())):
            os.chown(path, 65534, 65534)
    with started([program, "-f", str(folder / "apache.conf"), "-D", "FOREGROUND"], port, folder, _plain()) as pid:  # fmt: skip
        yield pid


def _plain() -> dict[str, str]:
    """An environment as systemd gives one."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@contextlib.contextmanager
def caddy(folder: Path, app: int, certificates: Path, changes: Changes = ()) -> Iterator[Running]:
    """Caddy with `deploy/Caddyfile`, and with a certificate that is there already."""
    port, program = free_port(), binary("caddy")
    text = shipped("Caddyfile", port, app, certificates, changes)
    own = f"\ttls {certificates}/site.pem {certificates}/site.key\n"
    text = text.replace(
        "\nchat.example {\n", f"\nhttps://{NAME}:{port}, https://127.0.0.1:{port} {{\n{own}"
    )
    text = text.replace("\n{\n", f"\n{{\n\tadmin off\n\tauto_https disable_redirects\n\thttp_port {free_port()}\n\thttps_port {port}\n", 1)  # fmt: skip
    (folder / "Caddyfile").write_text(text)
    env = {**_plain(), "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}  # fmt: skip
    command = [program, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    with started(command, port, folder, env) as pid:
        yield Running(port, pid, lambda: [pid])


@contextlib.contextmanager
def haproxy(folder: Path, app: int, certificates: Path, changes: Changes = ()) -> Iterator[Running]:
    """HAProxy with `deploy/haproxy.cfg`."""
    port, program = free_port(), binary("haproxy")
    both = "".join((certificates / name).read_text() for name in ("site.pem", "site.key"))
    (folder / "both.pem").write_text(both)
    text = shipped("haproxy.cfg", port, app, certificates, changes)
    text = text.replace("/etc/haproxy/chat.example.pem", str(folder / "both.pem"))
    (folder / "haproxy.cfg").write_text(text)
    with started([program, "-f", str(folder / "haproxy.cfg")], port, folder) as pid:
        yield Running(port, pid, lambda: [pid])


FRONTS = {"nginx": nginx, "apache": apache, "caddy": caddy, "haproxy": haproxy}
