"""The body of a provider's answer, read without ever waiting longer than told."""

from __future__ import annotations

from chatbot.protocol.http_body import BadFraming, Unframer
from chatbot.protocol.http_head import ResponseHead
from chatbot.upstream.connections import Connection
from chatbot.upstream.provider import BodyCut


class BodyReader:
    """Reads one body. `start` came together with the head. `ended` is true from its end on."""

    def __init__(self, connection: Connection, head: ResponseHead, start: bytes) -> None:
        self._connection = connection
        self._unframer = Unframer(head)
        self._start = start
        self._keeps = head.keeps
        self._cut = False

    @property
    def ended(self) -> bool:
        """Whether nothing more can be read."""
        return self._cut or (self._unframer.ended and not self._start)

    @property
    def leaves_connection(self) -> bool:
        """Whether the connection may serve the next: the body is over, and nothing came behind it."""
        return self.ended and not self._cut and self._keeps and not self._unframer.rest

    def read(self, until: float) -> bytes | None:
        """Some bytes, `b""` at a clean end, None where nothing came by `until`. Raises `BodyCut`."""
        try:
            return self._read(until)
        except (OSError, BadFraming) as error:
            self._cut = True
            raise BodyCut(type(error).__name__) from None

    def _read(self, until: float) -> bytes | None:
        while not self.ended:
            data, self._start = self._start, b""
            if self._unframer.broken:
                raise BadFraming
            if not data:
                received = self._connection.receive(until)
                if received is None:
                    return None
                if not received:
                    self._keeps = False
                    self._unframer.close()
                    return b""
                data = received
            if piece := self._unframer.feed(data):
                return piece
        return b""
