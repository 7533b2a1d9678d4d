"""The application: settings, services, views, error handlers, joined."""

from __future__ import annotations

import logging

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from chatbot.core.logging import configure_logging, log
from chatbot.core.resources import data_folder
from chatbot.core.settings import Settings, load_settings
from chatbot.services import build_services
from chatbot.web import chat, errors, guard, health, pages, passthrough

API_PREFIXES = ("/api/v1", "/v1")


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application. Settings are read from the environment where none are given.

    Raises `SettingsError`.
    """
    settings = settings or load_settings()
    configure_logging(settings.log_level)
    app = Flask(
        "chatbot",
        static_folder=str(data_folder("static")),
        template_folder=str(data_folder("templates")),
    )
    app.extensions["chatbot"] = build_services(settings)
    guard.init_app(app, settings)
    errors.init_app(app)
    for number, prefix in enumerate(API_PREFIXES):
        for blueprint in (chat.bp, passthrough.bp):
            app.register_blueprint(blueprint, url_prefix=prefix, name=f"{blueprint.name}{number}")
    app.register_blueprint(health.bp)
    app.register_blueprint(pages.bp)
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    for name in settings.ignored:
        log("setting_without_effect", level=logging.WARNING, setting=name)
    return app
