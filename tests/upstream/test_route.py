"""The first route that fits, and the next target where one fails before content."""

from __future__ import annotations

import pytest

from chatbot.chat.answer import ChatService
from chatbot.core.errors import InvalidRequest, UpstreamAuth
from chatbot.core.provider_config import RouteConfig, Timeouts
from chatbot.upstream.mock import MockExchange, MockProvider
from chatbot.upstream.mock_api import script_for
from chatbot.upstream.mock_script import error_script
from chatbot.upstream.route import Router


class Failing(MockProvider):
    """Answers every question with one status."""

    name = "failing"

    def __init__(self, status: int) -> None:
        super().__init__()
        self.asked = 0
        self._status = status

    def ask(self, method, path, body=None, *, timeouts=None):
        self.asked += 1
        return MockExchange(error_script(self._status, "no", "no"))


class Working(MockProvider):
    name = "working"

    def __init__(self) -> None:
        super().__init__(Timeouts(first_token=44))

    def ask(self, method, path, body=None, *, timeouts=None):
        self.asked = body
        return MockExchange(script_for(method, path, body))


def router(status=500, **route):
    routes = [RouteConfig("gpt-*", ("failing/*", "working/mock-instant"), **route)]
    return Router([Failing(status), Working()], routes, "gpt-x")


def test_patterns_and_stars_resolve():
    targets = router(timeouts={"idle": 3}).targets("gpt-4")
    assert [(t.provider.name, t.model, t.timeouts.idle) for t in targets] == [
        ("failing", "gpt-4", 3), ("working", "mock-instant", 3),
    ]  # fmt: skip
    assert [t.timeouts.first_token for t in targets] == [10, 44], "the rest is each provider's own"


def test_no_route_and_no_model_mean_the_defaults():
    assert router().targets("other")[0].model == "other"
    assert router().targets("")[0].model == "gpt-x"


@pytest.mark.parametrize("status", [500, 401, 429])
def test_a_failure_before_content_moves_on(status):
    payload = {"model": "gpt-4", "messages": [{"role": "user", "content": "Hi"}]}
    whole = ChatService(router(status)).chat_completions_stream(payload)
    assert whole["model"] == "mock-instant"


def test_what_the_caller_has_to_mend_does_not_move_on():
    payload = {"model": "gpt-4", "messages": [{"role": "user", "content": "Hi"}]}
    with pytest.raises(InvalidRequest):
        ChatService(router(422)).chat_completions_stream(payload)


def test_the_last_failure_is_the_callers():
    service = ChatService(Router([Failing(403)], (), "m"))
    with pytest.raises(UpstreamAuth):
        service.chat_completions_stream({"messages": [{"role": "user", "content": "Hi"}]})
