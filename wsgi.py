"""The entry point for WSGI servers: `gunicorn -c deploy/gunicorn.conf.py wsgi:app`.

gevent is patched in that configuration file, before anything is imported, and not here: another server
(gthread, uWSGI, mod_wsgi) must find an unpatched process.
"""

from chatbot.app import create_app

app = create_app()
