"""gunicorn with threads, where gevent can't be: `gunicorn -c deploy/gunicorn-threads.conf.py wsgi:app`.

Each answer under way holds a thread, and each idle connection one place; so it takes hundreds of visitors where
`gunicorn.conf.py` takes thousands. Listens where HOST and PORT say, with WEB_CONCURRENCY workers. Each value below has
its reason beside it.
"""

import sys

from gunicorn.glogging import Logger as GunicornLogger

from chatbot.core.logging import JsonLines
from chatbot.core.settings import SettingsError, settings_now

try:
    _settings = settings_now()
except SettingsError as error:
    sys.exit(f"chatbot: {error}")


class Logger(GunicornLogger):
    """gunicorn's own lines in the application's form: redacted, and tracebacks without their texts."""

    def setup(self, cfg):
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonLines())


_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
workers = _settings.workers
worker_class = "gthread"
logger_class = Logger

# An answer holds a thread to its end. Beyond a few hundred they hinder one another; over that number 503 is told at once,
# for which some threads are left, and for /healthz.
_answers = min(_settings.max_streams, 256)
raw_env = [f"CHATBOT_MAX_STREAMS={_answers}"]
threads = _answers + 16

# Idle keep-alive connections count too; beyond this nothing is answered.
worker_connections = 2 * threads

# A heartbeat of the worker, not a limit of a request: a stream may take as long as it likes.
timeout = 60

# Also the time that a proxy's idle connection is kept: shipped fronts end theirs after 4 s.
keepalive = 5

# After SIGTERM or HUP, running streams go on for the drain; the rest is for their ends to be written.
graceful_timeout = _settings.drain_seconds + 10

# Recycling a worker would cut its long streams.
max_requests = 0

# What proxies say is the application's to believe, by CHATBOT_TRUSTED_PROXIES. Unasked, gunicorn takes the scheme and the path
# (a header called SCRIPT_NAME) from whoever comes by loopback, which behind a proxy is everybody.
secure_scheme_headers = {}
forwarder_headers = ""

# No control socket: nothing here uses it, and it is one more door.
control_socket_disable = True

# The application writes one line per request itself, without what a request line may hold.
accesslog = None
errorlog = "-"
loglevel = "warning"


# Here, in each worker: threads do not live on after a fork.
def post_worker_init(worker):
    worker.wsgi.extensions["chatbot"].start()


# What has not been saved yet is saved now, or put where the next start finds it.
def worker_exit(server, worker):
    if getattr(worker, "wsgi", None) is not None:  # none where it could not be made
        worker.wsgi.extensions["chatbot"].close()
