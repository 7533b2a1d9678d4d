"""What is asked of each cell. A check asserts what holds everywhere, and gives the word for what differs."""

from __future__ import annotations

import gzip
import itertools
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

from chatbot.doctor.examine import examine
from chatbot.doctor.front import Front
from chatbot.doctor.pace import Pace
from tests.hosting.fronts.cells import APACHE_WAITS, NO_END, SEEN_BY_1, SEEN_BY_2
from tests.hosting.fronts.client import CHAT, Visitor, curl, question, words_of
from tests.hosting.fronts.machine import kill, memory
from tests.hosting.fronts.started_cells import Site
from tests.server import KEY, ROOT, Reply, wait_for

PACE, WORDS = 0.4, 8
SILENCE = 70
TRIES = 3
"""What holds words back does so always; a machine that is busy with other things does not."""
STREAMS = 200
DONE = b"data: [DONE]\n\n"
PACE_OF_THE_DOCTOR = Pace(events=6, every=0.4, idle=(0.5, 3.5), silence=1.5, streams=12, hold=3.0)
BEAT = 10.0
"""The server's longest silence, in seconds."""
MEBIBYTE = 1024 * 1024
_numbers = itertools.count()
_crowd = threading.Lock()
"""Two hundred answers are enough for a machine at one time."""
HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-content-type-options": "nosniff",
}
"""What a browser has to see on a stream. X-Accel-Buffering is for nginx, which keeps it."""


def _mark() -> str:
    return f"question-{next(_numbers)}-"


def is_live(times: list[float]) -> bool:
    """Whether pieces that were sent one by one came so: by far most of the pauses are there."""
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    return sum(gap > PACE / 2 for gap in gaps) >= WORDS - 3


def _streamed(site: Site, body: bytes, **headers: str) -> Reply:
    with site.visitor() as visitor:
        visitor.ask(body, **headers)
        reply = visitor.reply()
    assert (reply.status, reply.clean) == (200, True), reply
    assert reply.body.endswith(DONE)
    return reply


def live(site: Site) -> str:
    """Each word as it is sent."""
    return "live" if any(_came_live(site) for _ in range(TRIES)) else "at the end"


def _came_live(site: Site, **headers: str) -> bool:
    reply = _streamed(site, question(pace=PACE, tokens=WORDS, first_token=0.1), **headers)
    assert len(words_of(reply.body)) == WORDS
    assert "content-encoding" not in reply.headers
    return is_live(reply.times)


def silence(site: Site) -> str:
    """The provider thinks for 70 s."""
    reply = _streamed(site, question(first_token=SILENCE, tokens=3))
    assert reply.body.count(b":\n\n") >= SILENCE / BEAT - 1
    return "survives"


def departure(site: Site) -> str:
    """The visitor leaves while the provider thinks, and while it speaks."""
    silent = min(_noticed(site, question(mark := _mark(), first_token=100), mark) for _ in range(2))
    speaking = _noticed(site, question(mark := _mark(), pace=0.3, tokens=200), mark)
    assert speaking < BEAT
    if silent < 1:
        return "at once"
    assert silent < 3 * BEAT + 5
    return APACHE_WAITS


def _noticed(site: Site, body: bytes, mark: str) -> float:
    """Seconds from the visitor's leaving to the provider's being let go."""
    before = len(site.provider.log)
    with site.visitor() as visitor:
        visitor.ask(body)
        entry = wait_for(lambda: next((e for e in site.provider.log[before:] if mark in e["body"]), None))  # fmt: skip
        if b"first_token" not in body:
            next(visitor.pieces(visitor.head()))
        left = visitor.leave()
    wait_for(lambda: "at" in entry, 4 * BEAT)
    assert entry["ended"] == "client_gone"
    return entry["at"] - left


def large(site: Site) -> str:
    """A question of 1 MB."""
    mark = _mark()
    _streamed(site, question(mark + "x" * 1_000_000))
    assert len(wait_for(lambda: site.asked(mark))["body"]) > 1_000_000
    return "passes"


def too_large(site: Site) -> str:
    """A question of 100 MB: it is refused without being taken into memory, and nobody is asked."""
    processes, asked = [site.server.pid, site.front.pid], len(site.provider.log)
    with _crowd:  # whose memory would be taken for this
        before = memory(processes)
        with site.visitor() as visitor:
            status = _send_in_pieces(visitor, 100 * MEBIBYTE)
        assert memory(processes) - before < 40 * MEBIBYTE
    assert not any(len(entry["body"]) > 2_000_000 for entry in site.provider.log[asked:])
    return str(status)


def _send_in_pieces(visitor: Visitor, size: int) -> int:
    """Send a body until there is an answer or the connection's end; the answer's status."""
    head = f"POST {CHAT} HTTP/1.1\r\nHost: {visitor.name}\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
    visitor.sock.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode())
    piece, found = b" " * 65536, list[Reply]()
    reader = threading.Thread(target=lambda: found.append(visitor.head()))
    reader.start()
    with suppress(OSError):
        for _ in range(size // len(piece)):
            if found:
                break
            visitor.sock.sendall(piece)
    reader.join(30)
    return found[0].status if found else 0


def compression(site: Site) -> str:
    """gzip holds no word back, and files are compressed."""
    accepted = "gzip, deflate, br, zstd"
    assert any(_came_live(site, Accept_Encoding=accepted) for _ in range(TRIES))
    for path in ("chatbot-widget.js", hashed()):
        _compressed(site, path)
    return "files only"


def hashed() -> str:
    """A file whose name says its content."""
    names = [file.name for file in (ROOT / "static/widget/js").iterdir()]
    return next(name for name in names if re.fullmatch(r"[a-z-]+-[0-9a-f]{12}\.js", name))


def _compressed(site: Site, name: str) -> None:
    content = (ROOT / "static/widget/js" / name).read_bytes()
    with site.visitor() as visitor:
        reply = visitor.fetch(f"/static/widget/js/{name}", Accept_Encoding="gzip")
    assert (reply.status, reply.headers.get("content-encoding")) == (200, "gzip"), (name, reply)
    assert gzip.decompress(reply.body) == content
    assert reply.headers["access-control-allow-origin"] == "*"


def doctor(site: Site) -> str:
    """What the doctor says, with silences of seconds; its words."""
    scheme = "https" if site.ca else "http"
    url = urlsplit(f"{scheme}://127.0.0.1:{site.port}")
    with _crowd:
        seen = examine(Front(url, KEY, str(site.ca) if site.ca else None), PACE_OF_THE_DOCTOR)
    return ", ".join(sorted(f"`{found.word}`" for found in seen.findings)) or "nothing"


def many(site: Site) -> str:
    """Two hundred answers side by side: each is whole, and for a while all of them are under way."""
    body = question(pace=1.0, tokens=15)
    with _crowd, ThreadPoolExecutor(STREAMS) as pool:
        replies = list(pool.map(lambda _: _streamed(site, body), range(STREAMS)))
    assert all(len(words_of(reply.body)) == 15 for reply in replies)
    assert max(r.times[0] for r in replies) < min(r.times[-1] for r in replies)
    return "all whole"


def http1(site: Site) -> str:
    """The head of a stream by HTTP/1.1, and whether the connection takes another question."""
    with site.visitor() as visitor:
        visitor.ask(question())
        reply = visitor.reply()
        _has_headers(reply.as_sent)
        assert reply.clean
        if reply.headers.get("transfer-encoding") != "chunked":
            assert site.cell.server == "uwsgi"
            return "a connection each"
        assert reply.headers.get("connection", "keep-alive") != "close"
        visitor.ask(question())
        assert visitor.reply().body.endswith(DONE)
    return "kept alive"


def _has_headers(sent: dict[str, str]) -> None:
    assert {name: sent.get(name) for name in HEADERS} == HEADERS
    assert sent["x-request-id"]
    assert sent["server-timing"]


def http2(site: Site) -> str:
    """The same by HTTP/2, by curl, and live."""
    if not site.cell.is_tls:
        return "a front's to do"
    return "live" if any(_came_live_by_http2(site) for _ in range(TRIES)) else "at the end"


def _came_live_by_http2(site: Site) -> bool:
    asked = question(pace=PACE, tokens=WORDS, first_token=0.1)
    with curl(site.port, site.ca, asked) as process:
        lines = [(time.monotonic(), line.decode().rstrip("\r\n")) for line in process.stdout]
        assert process.wait(30) == 0, process.stderr.read()
    at = next(i for i, (_, line) in enumerate(lines) if not line)
    assert lines[0][1].startswith("HTTP/2 200")
    head = dict(line.split(": ", 1) for _, line in lines[1:at])
    _has_headers(head)
    assert not {"connection", "transfer-encoding", "keep-alive"} & head.keys()
    assert "max-age=" in head["strict-transport-security"]
    assert lines[-2][1] == DONE.decode().strip()
    return is_live([t for t, line in lines if '"content"' in line])


def killed(site: Site) -> str:
    """The worker dies in mid-answer, as where memory is short: nobody takes what came for the whole."""
    body = question(pace=0.3, tokens=300)
    with ExitStack() as stack:
        by_http2 = stack.enter_context(curl(site.port, site.ca, body)) if site.ca else None
        visitor = stack.enter_context(site.visitor())
        visitor.ask(body)
        reply = visitor.head()
        pieces = visitor.pieces(reply)
        for _ in range(3):
            next(pieces)
        if by_http2:
            wait_for(lambda: b"content" in by_http2.stdout.readline())
        kill(site.server.workers())
        for _ in pieces:
            pass
        assert DONE not in reply.body
        looks_whole = {reply.clean}
        if by_http2:
            assert DONE not in by_http2.stdout.read()
            looks_whole.add(by_http2.wait(30) == 0)
    wait_for(lambda: _answers(site), 30)
    if looks_whole == {True, False}:
        return SEEN_BY_1 if not reply.clean else SEEN_BY_2
    return NO_END if reply.clean else "seen"


def _answers(site: Site) -> bool:
    with suppress(AssertionError, OSError):
        return _streamed(site, question()).clean
    return False


BY_NAME: dict[str, Callable[[Site], str]] = {
    "live": live, "silence": silence, "departure": departure, "large": large, "too_large": too_large,
    "gzip": compression, "doctor": doctor, "many": many, "http1": http1, "http2": http2, "killed": killed,
}  # fmt: skip
