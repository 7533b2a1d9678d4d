from gevent import monkey; monkey.patch_all()  # noqa: E702, I001  # fmt: skip  # before ssl is imported, which would else recurse

"""gunicorn for streams: `gunicorn -c deploy/gunicorn.conf.py wsgi:app`.

Listens where HOST and PORT say, with WEB_CONCURRENCY workers; a setting that can't be used stops the
start with one line. Each value below has its reason beside it.
"""

import json  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import ssl  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from contextlib import suppress  # noqa: E402
from email.utils import formatdate  # noqa: E402
from functools import lru_cache, wraps  # noqa: E402

import gevent  # noqa: E402
from gevent.server import StreamServer  # noqa: E402
from gunicorn import sock as sockets  # noqa: E402
from gunicorn import systemd, util  # noqa: E402
from gunicorn.glogging import Logger as GunicornLogger  # noqa: E402
from gunicorn.http import wsgi  # noqa: E402
from gunicorn.http.errors import ParseException  # noqa: E402
from gunicorn.workers import ggevent  # noqa: E402
from gunicorn.workers.ggevent import GeventWorker  # noqa: E402

# Nobody looks at who started which greenlet: for each gevent would put down the calls that it was started from.
gevent.config.track_greenlet_tree = False

# All of the application, although only workers use it: they begin at once, and after HUP they run what the master
# was started with, and not half of what has been installed since.
import chatbot.app  # noqa: E402, F401
from chatbot.core.collector import tame  # noqa: E402
from chatbot.core.descriptors import raise_limit  # noqa: E402
from chatbot.core.forking import hold_signals, let_signals_come  # noqa: E402
from chatbot.core.listener import let_nobody_in, wait_until_taken  # noqa: E402
from chatbot.core.logging import JsonLines, log  # noqa: E402
from chatbot.core.resources import as_gunicorn  # noqa: E402
from chatbot.core.settings import SettingsError, settings_now  # noqa: E402
from chatbot.protocol.error_body import error_body  # noqa: E402
from chatbot.relay import departure  # noqa: E402
from chatbot.services import build_database, prepare, signing_secret  # noqa: E402
from chatbot.shared.master import lead, step_down  # noqa: E402
from chatbot.store.database import StoreAway  # noqa: E402
from chatbot.web import direct  # noqa: E402

try:
    _settings = settings_now()
    # Here, before there are workers: a folder that can't be written stops the start too.
    _database = build_database(_settings)
    with suppress(StoreAway):  # each worker goes on trying
        prepare(_settings, _database)
    _database.close()
    signing_secret(_settings)
except SettingsError as error:
    sys.exit(f"chatbot: {error}")

bind = (
    f"[{_settings.host}]:{_settings.port}"
    if ":" in _settings.host
    else f"{_settings.host}:{_settings.port}"
)
workers = _settings.workers
raise_limit()


# When more of the connections than this are in use, who has not sent a head has a second for it.
CROWDED, HURRY = 0.5, 1
CLOSING_SECONDS = 2


class Logger(GunicornLogger):
    """gunicorn's own lines in the application's form: redacted, and tracebacks without their texts."""

    def setup(self, cfg):
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonLines())


ENDS = {signal.SIGTERM, signal.SIGQUIT, signal.SIGINT}


class Worker(GeventWorker):
    """gevent's worker, that quotes no request and waits for nobody for ever.

    A malformed head may hold a key, and gunicorn's own answer and log line repeat it. And a client that
    sends its head slowly, or takes no answer, has its time: less where most connections are in use.
    """

    open_connections = 0

    def init_signals(self):
        super().init_signals()
        let_signals_come()

    def handle(self, listener, client, addr):
        self.open_connections += 1
        try:
            super().handle(listener, client, addr)
        finally:
            self.open_connections -= 1

    def timeout_ctx(self):
        crowded = self.open_connections > CROWDED * self.worker_connections
        return gevent.Timeout(HURRY if crowded else self.cfg.keepalive, False)

    def handle_request(self, listener_name, req, sock, addr):
        sock.settimeout(departure.WRITE_SECONDS)
        try:
            goes_on = super().handle_request(listener_name, req, sock, addr)
            if departure.reads_no_more(sock):
                raise StopIteration
            return goes_on
        except TimeoutError:
            log("slow_reader", level=logging.INFO)
            raise StopIteration from None  # which closes the connection, and says nothing
        finally:
            sock.settimeout(None)  # the wait for the next request has its own

    def handle_error(self, req, client, addr, exc):
        malformed = isinstance(exc, (ParseException, ssl.SSLError, TimeoutError))
        level = logging.INFO if malformed else logging.ERROR
        log("bad_connection", level=level, kind=type(exc).__name__, exc_info=not malformed)
        status = b"400 Bad Request" if malformed else b"500 Internal Server Error"
        code = "invalid_request" if malformed else "internal_error"
        kind = "invalid_request_error" if malformed else "server_error"
        body = json.dumps(error_body("The request can't be understood.", kind, code)).encode()
        head = b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: application/json\r\n" % status
        with suppress(OSError):
            client.sendall(head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))


class Response(wsgi.Response):
    """gunicorn's, which sends a stream's head with its first piece: one packet, and one system call.

    A header's name that it has let through is not looked at again; values always are, all at once where names are known:
    what a value may have is a set of characters.
    """

    plain_names: set[str] = set()  # noqa: RUF012  one for all: there are as many as the application knows

    def process_headers(self, headers):
        known = self.plain_names.issuperset([name for name, _ in headers])
        if known and wsgi.HEADER_VALUE_RE.fullmatch("".join([value for _, value in headers])):
            self.headers += [(name, value.strip(" \t")) for name, value in headers]
            return
        super().process_headers(headers)
        names = {name for name, _ in headers if not util.is_hoppish(name)}
        self.plain_names |= {name for name in names if name.lower() != "content-length"}

    def write(self, arg):
        if self.headers_sent or not (self.chunked and arg and isinstance(arg, bytes)):
            return super().write(arg)
        lines = [f"{name}: {value}\r\n" for name, value in self.headers]
        head = "".join(self.default_headers() + lines).encode("latin-1")
        self.headers_sent, self.sent = True, len(arg)
        if not self.cfg.accesslog:  # whose format may name one; nobody else looks at them again
            self.headers = []
        direct.send_chunk(self.sock, arg, head + b"\r\n")

    def close(self):
        if not (self.headers_sent and self.chunked):
            return super().close()
        direct.end(self.sock)


class Server(StreamServer):
    """gevent's, which takes the connections that are made already before it closes its listener.

    gunicorn asks the listener for its name when it begins with a connection: those that were taken last would find it
    closed, and be reset.
    """

    def close(self):
        if not self.closed:
            wait_until_taken(self.socket, CLOSING_SECONDS, gevent.sleep)
            self.stop_accepting()
            gevent.sleep(0)
        super().close()


_close_sockets = getattr(sockets.close_sockets, "__wrapped__", sockets.close_sockets)


@wraps(_close_sockets)
def close_sockets(listeners, unlink=True):
    """gunicorn's, called when its master stops; `unlink` says that nobody else has these listeners."""
    if unlink:
        for listener in listeners:
            let_nobody_in(listener.sock)
    _close_sockets(listeners, unlink)


@lru_cache(maxsize=1)
def _date(second):
    return formatdate(second, usegmt=True)


def http_date(timestamp=None):
    """gunicorn's, made once a second."""
    return _date(int(time.time() if timestamp is None else timestamp))


_errors = lru_cache(maxsize=1)(wsgi.WSGIErrorsWrapper)
"""gunicorn's, which looks its logger up for each request; one for all writes to the same places."""

wsgi.WSGIErrorsWrapper = _errors
direct.ends_bodies = True  # by the `Response` above
wsgi.Response = Response  # what `wsgi.create` takes where no other is named
util.http_date = http_date
sockets.close_sockets = close_sockets
ggevent.StreamServer = Server
worker_class = Worker
logger_class = Logger

# Streams and idle keep-alive sockets share these; when they are used up nothing is answered any more, so
# there are many more than streams.
worker_connections = 2 * _settings.max_streams + 1000
backlog = 2048

# A heartbeat of the worker, not a limit of a request: a stream may take as long as it likes, and a worker
# whose event loop is stuck for this long is replaced.
timeout = 60

# Also the time that a client has to send its request head: never 0, which means no limit.
keepalive = 5

# After SIGTERM or HUP, running streams go on for the drain; the rest is for their ends to be written.
graceful_timeout = _settings.drain_seconds + 10


# A worker that is told to end before it has set up its own signals would miss that, and the stop would take all of its time.
def pre_fork(server, worker):
    hold_signals(ENDS)


# Streams that are still running at the end of the drain each get their truthful end. And no full garbage
# collection stops the streams of a busy worker.
def post_worker_init(worker):
    def watch():
        while worker.alive:
            gevent.sleep(0.5)
        gevent.sleep(_settings.drain_seconds)
        worker.wsgi.extensions["chatbot"].running.end()

    gevent.spawn(watch)
    # Values of the settings, each of which gunicorn else looks up through two calls, twenty times a request.
    vars(worker.cfg).update({name: found.get() for name, found in worker.cfg.settings.items()})
    os.environ.setdefault(
        "SCRIPT_NAME", ""
    )  # looked for by each request, and dear where it is not there
    # The thread that saves is to let the streams go on at once, and not after 5 ms.
    sys.setswitchinterval(0.0005)
    worker.wsgi.extensions["chatbot"].start()
    running = worker.wsgi.extensions["chatbot"].running
    tame(lambda: len(running))


# USR2 starts a new master by the old one's arguments, which gunicorn remembers wrongly where it was started as
# `python -m gunicorn`: its own folder would then hide the standard library's `http`. What `serve` has started is served
# anew: the arguments name the old version's file, which may be gone with its folder.
def pre_exec(server):
    given = sys.orig_argv[1:]
    again = ["-m", "chatbot", "serve"] if given == as_gunicorn() else given
    server.START_CTX["args"] = [sys.executable, *again]


# `python -m chatbot reload` finds the master by this; and systemd is told of one that takes over.
def when_ready(server):
    with suppress(OSError):
        lead(_settings.data_dir)
    systemd.sd_notify(f"MAINPID={server.pid}", server.log)


def on_exit(server):
    with suppress(OSError):
        step_down(_settings.data_dir)


# What has not been saved yet is saved now, or put where the next start finds it.
def worker_exit(server, worker):
    if getattr(worker, "wsgi", None) is not None:  # none where it could not be made
        worker.wsgi.extensions["chatbot"].close()


# gunicorn's own makes a line for its log of errors, which is thrown away there.
def pre_request(worker, req):
    pass


# Recycling a worker would cut its long streams.
max_requests = 0

# What proxies say is the application's to believe, by CHATBOT_TRUSTED_PROXIES. Unasked, gunicorn takes the scheme and the path
# (a header called SCRIPT_NAME) from whoever comes by loopback, which behind a proxy is everybody.
secure_scheme_headers = {}
forwarder_headers = ""
# So what it lets trusted proxies set is nothing, and that whoever calls is one of them need not be looked up for each request.
forwarded_allow_ips = "*"

# No control socket: nothing here uses it, and it is one more door.
control_socket_disable = True

# TCP_NODELAY is set by gunicorn on its listener and inherited by every connection.

# The application writes one line per request itself, without what a request line may hold.
accesslog = None
errorlog = "-"
loglevel = "warning"
