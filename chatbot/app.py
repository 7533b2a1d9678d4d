"""The application: settings, services, views, error handlers, joined."""

from __future__ import annotations

import logging

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from chatbot.core.logging import configure_logging, log
from chatbot.core.resources import data_folder
from chatbot.core.serving import one_at_a_time
from chatbot.core.settings import Settings, settings_now
from chatbot.doctor.ordered import examine_for_page
from chatbot.services import build_services
from chatbot.web import (
    admin,
    chat,
    conversations,
    cors,
    diagnosis,
    errors,
    examination,
    feedback,
    guard,
    headers,
    health,
    latency,
    pages,
    passthrough,
    plain,
    reference,
    telling,
    widget,
    widget_files,
)
from chatbot.web.application import Application
from chatbot.web.mount import Mounted

_MANY = "gunicorn -c deploy/gunicorn.conf.py wsgi:app"
"""What answers many at once."""


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application. Settings are read from the environment where none are given.

    Raises `SettingsError`.
    """
    settings = settings or settings_now()
    configure_logging(settings.log_level)
    app = Application(
        "chatbot",
        static_folder=str(data_folder("static")),
        template_folder=str(data_folder("templates")),
    )
    app.url_map.merge_slashes = False
    app.extensions["chatbot"] = build_services(settings)
    guard.init_app(app, settings)
    for module in (cors, telling, headers, errors):
        module.init_app(app)
    for number, prefix in enumerate(cors.API_PREFIXES):
        for blueprint in (
            chat.bp,
            passthrough.bp,
            conversations.bp,
            feedback.bp,
            widget.bp,
            diagnosis.bp,
        ):
            app.register_blueprint(blueprint, url_prefix=prefix, name=f"{blueprint.name}{number}")
    for blueprint in (
        health.bp,
        pages.bp,
        plain.bp,
        widget_files.bp,
        admin.bp,
        latency.bp,
        examination.bp,
        reference.bp,
    ):
        app.register_blueprint(blueprint)
    examination.init_app(app, examine_for_page)
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
        app.wsgi_app = Mounted(app.wsgi_app)  # type: ignore[method-assign]
    if server := one_at_a_time():
        log("one_answer_at_a_time", level=logging.WARNING, server=server, change=_MANY)
    return app
