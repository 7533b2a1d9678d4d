"""Before a view and after it: an id, a known host, who calls, the body's size, the log line."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Flask, Request, Response, g, request
from werkzeug.exceptions import ClientDisconnected, HTTPException

from chatbot.access.caller import Caller, admit, identify
from chatbot.core.api_key import ApiKey
from chatbot.core.errors import (
    ChatbotError,
    InvalidApiKey,
    InvalidRequest,
    OriginNotAllowed,
    RequestTimeout,
    RequestTooLarge,
    ServiceStopped,
)
from chatbot.core.ids import new_request_id
from chatbot.core.logging import log_fields
from chatbot.core.settings import Settings, is_loopback, url_host
from chatbot.core.waiting import now, within
from chatbot.protocol.strict_json import NotJSON, read_json
from chatbot.relay.departure import read_no_more
from chatbot.relay.measures import Measures
from chatbot.relay.record import Record
from chatbot.services import Services
from chatbot.web.here import here
from chatbot.web.telling import tell

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a request: room for images, a bound for memory."""
BODY_SECONDS, BODY_RATE = 10.0, 16 * 1024
"""A body has so many seconds, and one more for each so many bytes; one of unknown length twice as many."""
_ANY_HOST = ("/healthz", "/readyz", "/metrics")
"""Paths that answer under any Host: probes come by address. Details they give the operator alone."""
_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via")
"""Headers of a proxy: behind one everybody comes from this machine."""
T = TypeVar("T")


def services() -> Services:
    """The services of the running app."""
    return here().services


def caller(*scopes: str) -> Caller:
    """Who calls, for one of these scopes; see `access/caller`."""
    found = admit(services().directory, known_key(bearer()), origin(), own_origin(), *scopes)
    here().record.known_at = now()
    return found


def known_key(text: str) -> ApiKey:
    """The key of this text, named in the log line whatever becomes of the request. Raises `InvalidApiKey`."""
    key = identify(services().directory, text)
    record = here().record
    record.key_id, record.bot_id = key.id, key.bot_id or ""
    return key


def enter(stop: Callable[[ChatbotError], None], who: Caller) -> Callable[[], None]:
    """Take a place among the running answers; see `relay/running`.

    A key may have ended, or a bot been stopped, while the request was on its way: from here on it is told, so it is looked at once
    more. Raises `Overloaded`, `InvalidApiKey`, `ServiceStopped`.
    """
    known = here().services
    leave = known.running.enter(stop, who.key.id)
    if not known.directory.is_alive(who.key):
        leave()
        raise InvalidApiKey("This API key is not known here.")
    try:
        known.directory.check_running(who.key.bot_id)
    except ServiceStopped:
        leave()
        raise
    return leave


def bearer() -> str:
    """The key of the request, from the one header that a key is read from."""
    scheme, _, key = here().header("HTTP_AUTHORIZATION").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def origin() -> str:
    """The page that asks; this server's own where a browser says so without naming it; empty for none."""
    sent = here().header("HTTP_ORIGIN")
    if not sent and here().header("HTTP_SEC_FETCH_SITE").lower() == "same-origin":
        return own_origin()
    return sent


def own_origin() -> str:
    """This server's origin as the caller sees it: that of CHATBOT_PUBLIC_URL, or by the request's host."""
    asked = here()
    public = asked.services.public_origin
    if public and asked.environ.get("HTTP_ORIGIN", public) == public:
        return public
    return f"{asked.request.scheme}://{asked.request.host.lower()}"


def check_own_form() -> None:
    """Whatever a cookie's rules are: a form of another site's page is not taken. Raises `OriginNotAllowed`."""
    sent = request.headers.get("Origin", "")
    site = request.headers.get("Sec-Fetch-Site", "same-origin").lower()
    if (sent and sent != own_origin()) or site not in ("same-origin", "none"):
        raise OriginNotAllowed("This form is for this server's own pages.")


def is_local() -> bool:
    """Whether the caller is on this machine, and nothing says that there is a proxy.

    A proxy that says nothing of itself can't be told from a caller on this machine: with one in front,
    CHATBOT_PUBLIC_URL is set, and then nobody is local.
    """
    settings = services().settings
    if (
        settings.public_url
        or settings.trusted_proxies
        or any(n in request.headers for n in _FORWARDED)
    ):
        return False
    # The name too: a page of somebody else's may have made its own name mean this machine.
    return is_loopback(request.remote_addr or "") and is_loopback(_host_name())


def is_operator() -> bool:
    """Whether the caller may see how the server is: with a key for that, or from this machine."""
    if not bearer():
        return is_local()
    try:
        caller("operate")
    except ChatbotError:
        return False
    return True


def require_operator() -> None:
    """Let pass who may see how the server is, else raise `InvalidApiKey`."""
    if not is_operator():
        raise InvalidApiKey("This is the operator's. Send a key as 'Authorization: Bearer <key>'.")


def json_body(most: int = MAX_BODY) -> bytes:
    """The body of a request that must be JSON, read whole. Raises for another type or size."""
    request = here().request
    if request.mimetype != "application/json":
        raise InvalidRequest("Send the body as 'Content-Type: application/json'.")
    size = request.content_length
    if (size or 0) > most:
        shown = f"{most // 1024 // 1024} MiB" if most >= 1024 * 1024 else f"{most // 1024} KiB"
        raise RequestTooLarge(f"The request is over {shown}.")
    request.max_content_length = most  # also where no length was said
    begin = now()
    body = in_time(lambda: _whole_body(request, size), size)
    here().record.waited = now() - begin
    return body


def _whole_body(request: Request, size: int | None) -> bytes:
    """The body; one of a known size as the server gives it: werkzeug's own way looks at the size three times more."""
    if size is None:
        return request.get_data(cache=False)
    body: bytes = request.environ["wsgi.input"].read(size)
    if len(body) < size:
        raise ClientDisconnected
    return body


def in_time(read: Callable[[], T], size: int | None) -> T:
    """What `read` reads of the request's body, which has `size` bytes (None: nobody knows). Raises `RequestTimeout` where it comes
    too slowly, `InvalidRequest` where the server can't make out where it ends."""
    extra = BODY_SECONDS if size is None else size / BODY_RATE
    try:
        return within(BODY_SECONDS + extra, read)
    except TimeoutError:
        _read_no_more()
        raise RequestTimeout("The request's body came too slowly. Send it again.") from None
    except (ChatbotError, HTTPException):
        raise
    except Exception:  # each server has errors of its own for chunks that are none
        _read_no_more()
        raise InvalidRequest("The request's body can't be understood.") from None


def _read_no_more() -> None:
    """What is still to come belongs to this request: its connection has no other."""
    if sock := request.environ.get("gunicorn.socket"):
        read_no_more(sock)


def json_object(most: int) -> dict[str, object]:
    """The JSON object that is a request's body. Raises `InvalidRequest`, `RequestTooLarge`."""
    return read_object(json_body(most))


def read_object(body: bytes) -> dict[str, object]:
    """The JSON object that a body is. Raises `InvalidRequest`."""
    try:
        value = read_json(body, unique_keys=True)
    except NotJSON as error:
        raise InvalidRequest(f"The body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return value


def known_hosts(settings: Settings) -> list[str]:
    """Host names that requests may be addressed to."""
    hosts = ["localhost", "127.0.0.1", "[::1]", *settings.hosts]
    if settings.public_url:
        hosts.append(url_host(urlsplit(settings.public_url).hostname or ""))
    return [*hosts, url_host(settings.host)]


def _host_name() -> str:
    host = here().header("HTTP_HOST").lower()
    return host if host.endswith("]") else host.rsplit(":", 1)[0] if ":" in host else host


def _host_is_known(hosts: Container[str], endings: tuple[str, ...]) -> bool:
    name = _host_name()
    return name in hosts or name.endswith(endings)


def write_line(record: Record, measures: Measures | None) -> None:
    """The request's one line in the log, and what it counts for."""
    if record.path not in _ANY_HOST:
        log_fields("request", record.fields())
        if measures is not None:
            measures.note(record)


def init_app(app: Flask, settings: Settings) -> None:
    """Register what runs around every view."""
    hosts = frozenset(known_hosts(settings))
    endings = tuple(host for host in hosts if host.startswith("."))
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY

    @app.before_request
    def begin() -> None:
        asked = here()
        asked.request = request._get_current_object()  # type: ignore[attr-defined]
        asked.record = g.record = Record(request_id=new_request_id(), path=_path(asked.request))
        asked.services.start()
        if asked.request.path not in _ANY_HOST and not _host_is_known(hosts, endings):
            raise InvalidRequest("This host name is not known here: add it to CHATBOT_HOSTS.")

    @app.after_request
    def finish(response: Response) -> Response:
        record = here().record
        record.status = response.status_code
        at = now()
        if record.handed_at:
            record.handed_at = at  # the first word goes with this head
        tell({"X-Request-ID": record.request_id, "Server-Timing": record.timing(at)})
        if not (record.stream and response.is_streamed):
            write_line(record, here().services.measures)
        return response


def _path(request: Request) -> str:
    """The path for the log as its rule has it: what callers put into one opens things, or is a text."""
    return request.url_rule.rule if request.url_rule is not None else "(no such address)"
