"""Flask's application without what nothing here needs, at each of a dozen places of every request.

There are no coroutines and no subdomains, no sessions of Flask's, hooks of the application alone (a blueprint that has some
is refused), and none for the end of a request: what has to be let go is let go by its response (`web/streaming`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, Request, Response
from flask.ctx import RequestContext
from flask.sansio.blueprints import Blueprint
from flask.sessions import NullSession, SecureCookieSession, SessionInterface
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadHost
from werkzeug.routing import MapAdapter, Rule
from werkzeug.wsgi import get_path_info

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class _Request(Request):
    def close(self) -> None:
        """See `Request`, which goes through files also where there can be none."""
        if "files" in vars(self):
            super().close()


class _NoSessions(SessionInterface):
    """One session for all, that holds nothing and takes nothing."""

    _empty = NullSession()

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession:
        """See `SessionInterface`."""
        return self._empty


class _Context(RequestContext):
    def match_request(self) -> None:
        """Once: Flask would look for the view again where a stream takes its context up again."""
        asked = self.request
        if asked.url_rule is not None or asked.routing_exception is not None:
            return
        plain = cast("Application", self.app).plain_rules
        rule = plain.get((asked.method, asked.environ.get("PATH_INFO", "")))
        if rule is None or "HTTP_UPGRADE" in asked.environ:
            super().match_request()
        else:
            asked.url_rule, asked.view_args = rule, {}


@lru_cache(maxsize=64)
def _in_ascii(host: str) -> str:
    name, sign, port = host.lower().partition(":")
    try:
        return name.encode("idna").decode("ascii") + sign + port
    except UnicodeError as error:
        raise BadHost from error


class Application(Flask):
    """Flask with functions for views, and for hooks before and after all of them."""

    request_class = _Request
    session_interface = _NoSessions()

    @cached_property
    def plain_rules(self) -> dict[tuple[str, str], Rule]:
        """Rules of addresses without a variable, by method and path: nothing has to be matched for these."""
        found: dict[tuple[str, str], list[Rule]] = {}
        for rule in self.url_map.iter_rules():
            if not (rule.arguments or rule.redirect_to or rule.alias or rule.build_only):
                for method in rule.methods or ():
                    found.setdefault((method, rule.rule), []).append(rule)
        return {asked: rules[0] for asked, rules in found.items() if len(rules) == 1}

    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """See `Flask`. Raises `ValueError` for hooks of the blueprint's own: nobody would call them."""
        super().register_blueprint(blueprint, **options)
        hooks = (self.before_request_funcs, self.after_request_funcs, self.url_value_preprocessors)
        if any(name is not None and found for of in hooks for name, found in of.items()):
            raise ValueError(f"{blueprint.name} has hooks of its own.")

    def preprocess_request(self) -> ResponseReturnValue | None:
        """See `Flask`."""
        for before in self.before_request_funcs[None]:
            answer = before()
            if answer is not None:
                return answer  # type: ignore[return-value]
        return None

    def process_response(self, response: Response) -> Response:
        """See `Flask`."""
        for after in reversed(self.after_request_funcs[None]):
            response = after(response)
        return response

    def do_teardown_request(self, exc: object = None) -> None:
        """Nothing is registered for it; see above."""

    def do_teardown_appcontext(self, exc: object = None) -> None:
        """Nothing is registered for it; see above."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """See `Flask`: without subdomains, and with a host's name looked at once."""
        if request is None or "HTTP_UPGRADE" in request.environ:
            return super().create_url_adapter(request)
        return MapAdapter(
            self.url_map, _in_ascii(request.host), request.root_path, "", request.scheme,
            get_path_info(request.environ), request.method, request.query_string.decode(errors="replace"),
        )  # fmt: skip

    def request_context(self, environ: WSGIEnvironment) -> RequestContext:
        """See `Flask`."""
        return _Context(self, environ)
