"""Bytes of an event stream in, events out, as the HTML standard says it.

A relay needs more than a browser does: beside what an event *says* it needs the exact bytes that
said it, so that it can pass them on untouched. A `Frame` is therefore one block of the stream, up to
and including the blank line that ends it; the raw bytes of all frames (and of `rest`), joined, are the
input. A browser would dispatch exactly those frames whose `data` is not None.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

Three things are easy to get wrong:

* A line ends with LF, CR or CRLF, and a chunk can end between the CR and the LF. A CR at the end of a
  chunk waits for its LF only where the stream has been ending its lines with CRLF; a stream of bare
  CRs would otherwise be one event late, always.
* A long line that comes in many chunks: concatenating per chunk is quadratic (8 MiB in pieces of 100
  bytes would copy 350 GB), so fragments are gathered and joined once.
* The last event id is sticky and the event type is not; an `id` with a NUL in it is no id.
"""

from __future__ import annotations

from dataclasses import dataclass

EVENT_CAP = 8 * 1024 * 1024
"""Bytes that one event may have before `EventTooLarge`: the most that a stream holds in memory."""

BOM = b"\xef\xbb\xbf"


class EventTooLarge(ValueError):
    """One event has grown over the cap. The decoder takes nothing more after it."""


@dataclass(slots=True)
class Frame:
    """One block of an event stream.

    `raw` are its bytes as they came, line ends included. `data` are the bytes of its data lines joined
    by LF, or None where it has no data line (a comment, a lone `event:` or `id:`). A field that the
    standard does not know is ignored by readers, and noted here: beside no data it is garbage.
    """

    raw: bytes
    data: bytes | None = None
    event: str = "message"
    last_event_id: str = ""
    has_id: bool = False
    has_unknown_field: bool = False

    @property
    def text(self) -> str:
        """The data as a browser sees it: UTF-8, with U+FFFD for what is not."""
        return (self.data or b"").decode("utf-8", "replace")


class SSEDecoder:
    """Incremental decoder: `feed` chunks of any size, take the frames that they complete.

    Raises `EventTooLarge` where an event has more than `cap` bytes, and again on every later call.
    `retry` is the reconnection time in milliseconds that the stream asked for, or None.
    """

    def __init__(self, cap: int = EVENT_CAP) -> None:
        self.retry: int | None = None
        self.last_event_id = ""
        self._cap = cap
        self._size = 0
        self._fragments: list[bytes] = []
        self._lines: list[bytes] = []
        self._held_cr = False
        self._eats_lf = False
        self._crlf = False
        self._at_start = True
        self._reset()

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that `chunk` completes, in order."""
        if self._size > self._cap:
            raise EventTooLarge(f"an event has more than {self._cap} bytes")
        if self._held_cr:
            chunk = b"\r" + chunk
            self._held_cr = False
        open_cr = chunk[-1:] == b"\r"
        frames: list[Frame] = []
        for line in (chunk[:-1] if open_cr else chunk).splitlines(keepends=True):
            self._take(line, frames)
        if open_cr and self._crlf:
            self._held_cr = True
        elif open_cr:
            self._take(b"\r", frames)
        self._check_size()
        return frames

    def close(self) -> list[Frame]:
        """At the end of the stream: the frame that only waited for an LF behind its CR, if any."""
        if not self._held_cr:
            return []
        self._held_cr = False
        frames: list[Frame] = []
        self._take(b"\r", frames)
        return frames

    @property
    def is_between(self) -> bool:
        """Whether nothing is held: the next byte begins an event."""
        return not (self._size or self._held_cr or self._eats_lf)

    def passed(self) -> None:
        """Events have been read elsewhere: a byte order mark can't come any more."""
        self._at_start = False

    @property
    def rest(self) -> bytes:
        """Bytes of the event that has begun and not ended. At the end of a stream it is torn."""
        held = [b"\r"] if self._held_cr else []
        return b"".join([*self._lines, *self._fragments, *held])

    def _take(self, line: bytes, frames: list[Frame]) -> None:
        """One piece that `splitlines` gave: a line with its end, or the open end of the chunk."""
        if self._eats_lf:
            self._eats_lf = False
            if line == b"\n":
                self._crlf = True
                self._append(self._lines, line)
                return
        self._append(self._fragments, line)
        last = line[-1:]
        if last == b"\n":
            self._crlf = line[-2:] == b"\r\n"
        elif last == b"\r":
            self._crlf = False
            self._eats_lf = True
        else:
            return
        self._line(frames)

    def _append(self, parts: list[bytes], piece: bytes) -> None:
        self._size += len(piece)
        parts.append(piece)

    def _check_size(self) -> None:
        if self._size > self._cap:
            self._fragments.clear()
            self._lines.clear()
            raise EventTooLarge(f"an event has more than {self._cap} bytes")

    def _line(self, frames: list[Frame]) -> None:
        whole = self._fragments[0] if len(self._fragments) == 1 else b"".join(self._fragments)
        self._fragments = []
        self._lines.append(whole)
        line = whole.rstrip(b"\r\n")
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(BOM)
        if line:
            self._field(line)
        else:
            self._check_size()
            frames.append(self._frame())

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id":
            self._identify(value)
        elif name == b"retry":
            if value.isdigit():
                self.retry = int(value[:18])
        elif name:
            self._has_unknown_field = True

    def _identify(self, value: bytes) -> None:
        self._has_id = True
        if b"\0" not in value:
            self.last_event_id = value.decode("utf-8", "replace")

    def _frame(self) -> Frame:
        frame = Frame(
            b"".join(self._lines),
            b"\n".join(self._data) if self._data else None,
            self._event or "message",
            self.last_event_id,
            self._has_id,
            self._has_unknown_field,
        )
        self._lines = []
        self._size = 0
        self._reset()
        return frame

    def _reset(self) -> None:
        self._data: list[bytes] = []
        self._event = ""
        self._has_id = False
        self._has_unknown_field = False
