"""The same target again only where it answered fast and may recover, never on silence."""

from __future__ import annotations

import time

import pytest

from chatbot.chat.answer import ChatService
from chatbot.core.errors import ChatbotError, RateLimitExceeded, UpstreamUnreachable
from chatbot.core.provider_config import Timeouts
from chatbot.upstream.asking import Asking
from chatbot.upstream.mock import MockExchange, MockProvider
from chatbot.upstream.mock_api import script_for
from chatbot.upstream.mock_faults import FAULTS
from chatbot.upstream.mock_script import Pace, Script, error_script
from chatbot.upstream.retry import Retry
from chatbot.upstream.route import Router

HELLO = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


class Sequence(MockProvider):
    """Answers with one script after another, then well."""

    retries = 2

    def __init__(self, *scripts: Script, name: str = "a", **timeouts: float) -> None:
        super().__init__(Timeouts(**timeouts))
        self.name = name
        self.asked = 0
        self._scripts = list(scripts)

    def ask(self, method, path, body=None, *, timeouts=None):
        self.asked += 1
        if self._scripts:
            return MockExchange(self._scripts.pop(0))
        payload = body.replace(b'"model":"m"', b'"model":"mock-instant"')
        return MockExchange(script_for(method, path, payload))


def failing(name: str) -> Script:
    return FAULTS[name](Script([]), {}, Pace(0, 0))


def limited(after: str) -> Script:
    return error_script(429, "slow down", "rate_limit_exceeded", {"Retry-After": after})


def ask(provider, stream=True):
    service = ChatService(Router([provider], (), "m"))
    if stream:
        return service.chat_completions_stream(HELLO)
    from chatbot.protocol.chat_request import check_chat_request

    return service.ask(check_chat_request(HELLO)).whole()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("script", ["500", "503", "reset_before_headers"])
def test_what_may_recover_is_asked_again(script, stream):
    provider = Sequence(failing(script), failing(script))
    assert ask(provider, stream)
    assert provider.asked == 3


def test_at_most_two_retries():
    provider = Sequence(*[failing("500")] * 5)
    with pytest.raises(ChatbotError):
        ask(provider)
    assert provider.asked == 3


@pytest.mark.parametrize(
    "script", ["400", "401", "404", "html", "empty", "context_length", "redirect"]
)
def test_what_will_not_recover_is_asked_once(script):
    provider = Sequence(failing(script))
    with pytest.raises(ChatbotError):
        ask(provider)
    assert provider.asked == 1


def test_silence_is_never_asked_again():
    provider = Sequence(failing("no_headers"), first_token=0.1, first_token_last=0.1)
    with pytest.raises(ChatbotError):
        ask(provider)
    assert provider.asked == 1


def test_a_retry_after_is_waited_for():
    begin = time.monotonic()
    provider = Sequence(limited("1"))
    ask(provider)
    assert provider.asked == 2
    assert time.monotonic() - begin >= 1


def test_a_long_retry_after_is_told_and_not_waited_for():
    provider = Sequence(limited("6"))
    with pytest.raises(RateLimitExceeded) as error:
        ask(provider)
    assert (provider.asked, error.value.retry_after) == (1, 6)


def test_a_slow_failure_is_not_asked_again():
    error = UpstreamUnreachable("gone", may_recover=True)
    assert Retry(2).pause(1, error, took=0.1) is not None
    assert Retry(2).pause(1, error, took=4.0) is None


def test_who_leaves_during_the_pause_is_not_asked_for():
    from threading import Timer

    from chatbot.protocol.chat_request import check_chat_request
    from chatbot.upstream.provider import Aborted

    provider = Sequence(limited("5"))
    asking: Asking = ChatService(Router([provider], (), "m")).ask(check_chat_request(HELLO))
    Timer(0.1, asking.abort).start()
    begin = time.monotonic()
    with pytest.raises(Aborted):
        list(asking.stream(lambda: float("inf")))
    assert time.monotonic() - begin < 3
    assert provider.asked == 1
