"""The service behind chat completions: the same for HTTP and for library callers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chatbot.core.errors import ChatbotError, InvalidRequest, ServiceStopped
from chatbot.core.waiting import now
from chatbot.protocol.chat_request import (
    BadRequest,
    ChatRequest,
    check_chat_request,
    parse_chat_request,
)
from chatbot.protocol.completion import Accumulator
from chatbot.protocol.sse_decoder import SSEDecoder
from chatbot.protocol.strict_json import read_json
from chatbot.relay.departure import ClientConnection
from chatbot.relay.record import Record
from chatbot.relay.relay import relay
from chatbot.shared.process import ProcessState
from chatbot.upstream.asking import Asking
from chatbot.upstream.breaker import Breakers
from chatbot.upstream.provider import Aborted
from chatbot.upstream.route import Router
from chatbot.upstream.turns import Turns

OnChunk = Callable[[dict[str, Any], dict[str, Any]], None]
"""Called with (delta, event): one choice's delta, and the whole chunk that it came in."""


def read_request(body: bytes) -> ChatRequest:
    """Parse a request body. Raises `InvalidRequest`."""
    try:
        return parse_chat_request(body)
    except BadRequest as error:
        raise InvalidRequest(str(error), param=error.param) from None


class ChatService:
    """Asks providers, as the router says. Without `breakers` this process has its own.

    `stopped` gives the providers that are not to be asked, and the messages for who would have.
    """

    def __init__(
        self,
        router: Router,
        breakers: Breakers | None = None,
        stopped: Callable[[], Mapping[str, str]] = lambda: {},
    ) -> None:
        self._router = router
        self._breakers = breakers or Breakers(ProcessState())
        self._stopped = stopped

    def ask(self, request: ChatRequest, request_id: str = "") -> Asking:
        """A question that is ready to be asked; nothing has been sent yet. The log gets `request_id`.

        Raises `ServiceStopped` where all who could answer are stopped.
        """
        targets = self._router.targets(request.model)
        if stopped := self._stopped():
            asked = [target for target in targets if target.provider.name not in stopped]
            if not asked:
                raise ServiceStopped(stopped[targets[0].provider.name])
            targets = asked
        return Asking(Turns(targets, self._breakers), request, request_id)

    def stream(self, asking: Asking, client: ClientConnection, record: Record) -> Iterator[bytes]:
        """The answer as an event stream; see `relay`. The caller closes `asking` and `client`."""
        client.watch(asking.abort)
        return relay(asking, client, record)

    def complete(self, asking: Asking, client: ClientConnection, record: Record) -> bytes:
        """The answer as one JSON body. Raises `ChatbotError`, or `Aborted` if the client leaves."""
        client.watch(asking.abort)
        try:
            body = asking.whole()
            record.ended_by, record.handed_at = "upstream", now()
            return body
        except Aborted:
            record.ended_by = "client"
            raise
        except ChatbotError as error:
            record.code = error.code
            raise
        finally:
            record.take(asking)
            record.provider, record.attempts = asking.provider, asking.attempts
            record.usage = asking.reader.usage
            record.model = asking.reader.model or record.model

    def chat_completions_stream(
        self, payload: dict[str, Any], on_chunk: OnChunk | None = None
    ) -> dict[str, Any]:
        """Stream a request, call back on every delta, and return the final response.

        `payload` is the body of a chat completion request. The result is what a non-streaming call
        would have returned. Raises `ChatbotError`: also after deltas have been delivered, where the
        answer broke off; an exception of `on_chunk` ends the stream and comes through.
        """
        try:
            request = check_chat_request(payload)
        except BadRequest as error:
            raise InvalidRequest(str(error), param=error.param) from None
        asking = self.ask(request)
        decoder, whole = SSEDecoder(), Accumulator()
        try:
            for piece in asking.stream(lambda: float("inf")):
                for frame in decoder.feed(piece):
                    if frame.data is not None and frame.data != b"[DONE]":
                        _deliver(read_json(frame.data), whole, on_chunk)
        finally:
            asking.close()
        completion = whole.completion()
        if asking.reader.usage is not None:
            completion["usage"] = asking.reader.usage
        return completion


def _deliver(event: dict[str, Any], whole: Accumulator, on_chunk: OnChunk | None) -> None:
    whole.add(event)
    if on_chunk is None:
        return
    for choice in event.get("choices") or ():
        if isinstance(choice, dict) and isinstance(choice.get("delta"), dict):
            on_chunk(choice["delta"], event)
