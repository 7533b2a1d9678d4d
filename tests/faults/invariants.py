"""The nine invariants, in one place. Each case of the matrix is held against those that it can break.

I1 prefix · I2 one end · I3 no silent replay · I4 release · I5 books · I6 no cross-talk · I7 no secrets ·
I8 health · I9 recovery. The one exception to I1 and I3 is the splice: an answer that broke off may be asked
for again, once a target, and its rest is taken where it begins with exactly what was delivered.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field

from chatbot.upstream.mock_faults import CANARY
from tests.server import KEY, Reply

PROVIDER_KEY = "sk-upstream0123456789"


@dataclass
class Run:
    """One request and all that is known of it. `calls` are the providers' log entries, in order.

    `text` is what a provider that is well answers.
    """

    canary: str
    text: str
    expected: str
    calls_expected: int
    reply: Reply
    ended: float
    streamed: bool
    calls: list[dict] = field(default_factory=list)
    lines: list[dict] = field(default_factory=list)


def events_of(wire: bytes) -> list[bytes]:
    """The data of each whole event, by a reader that shares nothing with the one under test."""
    text = wire.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    blocks = text.split(b"\n\n")[:-1]
    lines = [[n for n in b.split(b"\n") if n.startswith(b"data: ")] for b in blocks]
    return [b"\n".join(n.removeprefix(b"data: ") for n in found) for found in lines if found]


def _chunk(data: bytes) -> dict | None:
    try:
        value = json.loads(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "error" not in value else None


def good_events(wire: bytes) -> list[bytes]:
    """What a provider sent before its fault: chunks up to the first event that is none."""
    good = []
    for data in events_of(wire):
        if _chunk(data) is None:
            break
        good.append(data)
    return good


def text_of(events: list[bytes]) -> str:
    chunks = [json.loads(e) for e in events]
    deltas = [c["delta"] for chunk in chunks for c in chunk["choices"] if c["index"] == 0]
    return "".join(d.get("content") or "" for d in deltas)


def outcome(run: Run) -> str:
    """What the caller got, in the words of the matrix."""
    reply = run.reply
    if reply.status != 200:
        return f"{reply.status} {reply.json['error']['code']}"
    if not run.streamed:
        return "whole"
    last = events_of(reply.body)[-1]
    return "whole" if last == b"[DONE]" else f"event {json.loads(last)['error']['code']}"


def check(run: Run, runs: list[Run]) -> None:
    """All that can be said of one run."""
    wanted = "whole" if run.expected == "as sent" else run.expected
    assert outcome(run) == wanted
    one_end(run)
    if run.streamed and run.reply.status == 200:
        prefix(run)
    no_replay(run)
    released(run)
    books(run)
    no_cross_talk(run, runs)
    no_secrets(run)


def prefix(run: Run) -> None:
    """I1: what came before the fault was delivered, unchanged; what is called whole is whole."""
    delivered = [e for e in events_of(run.reply.body) if _chunk(e) is not None]
    first = next(c for c in run.calls if good_events(bytes(c["sent"])) or b"{" in c["sent"])
    sent = good_events(bytes(first["sent"]))
    if outcome(run) == "event timeout_total" and len(sent) - len(delivered) == 1:
        sent.pop()  # it was sent in the moment of the limit, and is not from before it
    assert delivered[: len(sent)] == sent, "no event from before the fault is missing or changed"
    if run.expected == "whole":
        assert text_of(delivered) == run.text
    else:
        assert delivered == sent


def one_end(run: Run) -> None:
    """I2: exactly one end, the last thing there is; a transfer that is not broken."""
    assert run.reply.clean
    if run.reply.status != 200:
        assert set(run.reply.json) == {"error"}
        assert set(run.reply.json["error"]) == {"message", "type", "param", "code"}
    elif run.streamed:
        events = events_of(run.reply.body)
        ends = [e for e in events if e == b"[DONE]" or "error" in json.loads(e)]
        assert ends == events[-1:]


def no_replay(run: Run) -> None:
    """I3: as many calls as promised and no more, and each asks the same."""
    assert len(run.calls) == run.calls_expected
    questions = {
        c["body"].replace(',"stream_options":{"include_usage":true}', "") for c in run.calls
    }
    assert len({json.loads(q)["messages"][0]["content"] for q in questions}) == 1


def released(run: Run) -> None:
    """I4: the provider's connection was let go within 2 s of the end."""
    for call in run.calls:
        assert call["at"] - run.ended < 2


def books(run: Run) -> None:
    """I5: one line for the request with the usage of who answered, one for each attempt that failed."""
    (line,) = [n for n in run.lines if n["event"] == "request"]
    failed = [n for n in run.lines if n["event"] == "attempt_failed"]
    answered = outcome(run) == "whole"
    refused = sum("unrecognized request argument" in bytes(c["sent"]).decode("latin-1").lower()
                  for c in run.calls)  # fmt: skip
    assert line["attempts"] == len(run.calls) - refused
    assert len(failed) == line["attempts"] - answered
    assert line["code"] == ("" if answered else run.expected.split()[1])
    if answered and run.expected == "whole":
        assert line["output_tokens"] == _usage(run.calls[-1])


def _usage(call: dict) -> int | None:
    sent = bytes(call["sent"])
    bodies = [sent] if sent.startswith(b"{") else good_events(sent)
    found = [json.loads(b)["usage"] for b in bodies if json.loads(b).get("usage")]
    return found[-1]["completion_tokens"] if found else None


def no_cross_talk(run: Run, runs: list[Run]) -> None:
    """I6: nothing of anybody else's."""
    for other in runs:
        if other.canary != run.canary:
            assert other.canary.encode() not in run.reply.body


def no_secrets(run: Run) -> None:
    """I7, towards the client."""
    seen = run.reply.body + repr(run.reply.headers).encode()
    for secret in (KEY, PROVIDER_KEY, CANARY):
        assert secret.encode() not in seen


def no_secrets_logged(text: str, runs: list[Run]) -> None:
    """I7, towards the log: no key, no provider's text, nothing that was asked or answered."""
    for secret in (KEY, PROVIDER_KEY, CANARY, *(run.canary for run in runs)):
        assert secret not in text


def healthy(statuses: list[int], seconds: list[float]) -> None:
    """I8: alive all the time, and quick to say so."""
    assert set(statuses) == {200}
    assert statistics.median(seconds) < 0.1


def recovered(before: dict, after: dict, pooled: int) -> None:
    """I9: no greenlet is left, and no descriptor but the pool's idle connections."""
    assert after["greenlets"] <= before["greenlets"]
    assert after["fds"] <= before["fds"] + pooled
