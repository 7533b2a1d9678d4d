from gevent import monkey; monkey.patch_all()  # noqa: E702, I001  # fmt: skip  # before ssl is imported, which would else recurse

"""gunicorn for streams: `gunicorn -c deploy/gunicorn.conf.py wsgi:app`.

Listens where HOST and PORT say, with WEB_CONCURRENCY workers; a setting that can't be used stops the
start with one line. Each value below has its reason beside it.
"""

import sys  # noqa: E402

from chatbot.core.settings import SettingsError, load_settings  # noqa: E402

try:
    _settings = load_settings()
except SettingsError as error:
    sys.exit(f"chatbot: {error}")

bind = (
    f"[{_settings.host}]:{_settings.port}"
    if ":" in _settings.host
    else f"{_settings.host}:{_settings.port}"
)
workers = _settings.workers
worker_class = "gevent"

# Streams and idle keep-alive sockets share these; when they are used up nothing is answered any more.
worker_connections = 4000
backlog = 2048

# A heartbeat of the worker, not a limit of a request: a stream may take as long as it likes, and a worker
# whose event loop is stuck for this long is replaced.
timeout = 60

# Also the time that a client has to send its request head: never 0, which means no limit.
keepalive = 5

# After SIGTERM or HUP, running streams go on for the drain; the rest is for their ends to be written.
graceful_timeout = _settings.drain_seconds + 10


# Streams that are still running at the end of the drain each get their truthful end.
def post_worker_init(worker):
    import gevent

    def watch():
        while worker.alive:
            gevent.sleep(0.5)
        gevent.sleep(_settings.drain_seconds)
        worker.wsgi.extensions["chatbot"].running.stop_all()

    gevent.spawn(watch)


# Recycling a worker would cut its long streams.
max_requests = 0

# No control socket: nothing here uses it, and it is one more door.
control_socket_disable = True

# TCP_NODELAY is set by gunicorn on its listener and inherited by every connection.

# The application writes one line per request itself, without what a request line may hold.
accesslog = None
errorlog = "-"
loglevel = "warning"
