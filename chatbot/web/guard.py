"""Before a view and after it: ids, hosts, keys, sizes, the headers of every answer, the log line."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request

from chatbot.core.errors import InvalidApiKey, InvalidRequest, RequestTooLarge
from chatbot.core.ids import new_request_id
from chatbot.core.logging import log_fields
from chatbot.core.settings import Settings, is_loopback, url_host
from chatbot.core.waiting import now
from chatbot.relay.record import Record
from chatbot.services import Services

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a request: room for images, a bound for memory."""
_ANY_HOST = ("/healthz", "/readyz", "/metrics")
"""Paths that answer under any Host: probes come by address. Details they give the operator alone."""
_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via")
"""Headers of a proxy: behind one everybody comes from this machine."""
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def services() -> Services:
    """The services of the running app."""
    found: Services = current_app.extensions["chatbot"]
    return found


def require_key() -> None:
    """Let pass who brings a known key, else raise `InvalidApiKey`."""
    key = _bearer()
    if not key:
        raise InvalidApiKey("No API key. Send it as 'Authorization: Bearer <key>'.")
    key_id = services().keys.identify(key)
    if key_id is None:
        raise InvalidApiKey("This API key is not known here.")
    g.record.key_id = key_id


def _bearer() -> str:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def is_operator() -> bool:
    """Whether the caller may see how the server is: with a key, or from this machine where nothing says proxy.

    A proxy that says nothing of itself can't be told from a caller on this machine: with one in front,
    CHATBOT_PUBLIC_URL is set, and then only a key counts.
    """
    if key := _bearer():
        return services().keys.identify(key) is not None
    settings = services().settings
    if (
        settings.public_url
        or settings.trusted_proxies
        or any(n in request.headers for n in _FORWARDED)
    ):
        return False
    # The name too: a page of somebody else's may have made its own name mean this machine.
    return is_loopback(request.remote_addr or "") and is_loopback(_host_name())


def require_operator() -> None:
    """Let pass who may see how the server is, else raise `InvalidApiKey`."""
    if not is_operator():
        raise InvalidApiKey("This is the operator's. Send a key as 'Authorization: Bearer <key>'.")


def json_body() -> bytes:
    """The body of a request that must be JSON, read whole. Raises for another type or size."""
    if request.mimetype != "application/json":
        raise InvalidRequest("Send the body as 'Content-Type: application/json'.")
    if (request.content_length or 0) > MAX_BODY:
        raise RequestTooLarge(f"The request is over {MAX_BODY // 1024 // 1024} MiB.")
    return request.get_data(cache=False)


def known_hosts(settings: Settings) -> list[str]:
    """Host names that requests may be addressed to."""
    hosts = ["localhost", "127.0.0.1", "[::1]", *settings.hosts]
    if settings.public_url:
        hosts.append(url_host(urlsplit(settings.public_url).hostname or ""))
    return [*hosts, url_host(settings.host)]


def _host_name() -> str:
    host = request.headers.get("Host", "").lower()
    return host if host.endswith("]") else host.rsplit(":", 1)[0] if ":" in host else host


def _host_is_known(hosts: list[str]) -> bool:
    name = _host_name()
    return any(name == h or (h.startswith(".") and name.endswith(h)) for h in hosts)


def write_line(record: Record) -> None:
    """The request's one line in the log."""
    if record.path not in _ANY_HOST:
        log_fields("request", record.fields())


def init_app(app: Flask, settings: Settings) -> None:
    """Register what runs around every view."""
    hosts = known_hosts(settings)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY

    @app.before_request
    def begin() -> None:
        g.record = Record(request_id=new_request_id(), path=request.path)
        if request.path not in _ANY_HOST and not _host_is_known(hosts):
            raise InvalidRequest("This host name is not known here: add it to CHATBOT_HOSTS.")

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.record.request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if response.mimetype == "text/html":
            response.headers["Content-Security-Policy"] = _PAGE_POLICY
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        g.record.status = response.status_code
        elapsed = (now() - g.record.started) * 1000
        response.headers["Server-Timing"] = f"first-byte;dur={elapsed:.1f}"
        if not (g.record.stream and response.is_streamed):
            write_line(g.record)
        return response
