"""An event that begins and ends as another one did is read by what is between."""

from __future__ import annotations

import json

import pytest

from chatbot.protocol.mould import mould_of


def written(text: str, **more: object) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return json.dumps({"id": "c", "choices": [choice], **more}, ensure_ascii=False).encode()


def mould_for(event: bytes):
    return mould_of(event, json.loads(event))


def wire(*events: bytes) -> bytes:
    return b"".join(b"data: %b\n\n" % event for event in events)


def test_many_events_are_read_as_one_run():
    mould = mould_for(written("first"))
    run = wire(written("Grüß "), written("Gott"), written("!"))
    assert mould.read(run, 0) == (3, "Grüß Gott!", len(run))


def test_escapes_are_read_as_json_has_them():
    mould = mould_for(written("first"))
    run = wire(written('"a"\n'), written("\\"), written("b\t"))
    assert mould.read(run, 0) == (3, '"a"\n\\b\t', len(run))


def test_a_run_ends_where_an_event_is_another():
    mould = mould_for(written("first"))
    run, other = wire(written("a"), written("b")), wire(written("c", usage={"total_tokens": 1}))
    assert mould.read(run + other, 0) == (2, "ab", len(run))
    assert mould.read(run + other, len(run)) == (0, "", len(run))


def test_of_events_with_another_among_them_nothing_is_read_twice_or_left_out():
    mould = mould_for(written("first"))
    run, other = wire(written("a"), written("b")), wire(b'{"id":"c"}')
    count, said, end = mould.read(run + other + run, 0)
    assert (said, end) in [("a", len(run) // 2), ("ab", len(run))]
    assert count == len(said)


def test_noise_behind_the_text_may_differ_each_time():
    mould = mould_for(written("first", usage=None, obfuscation="x9Q"))
    run = wire(written("a", usage=None, obfuscation="1"), written("b", usage=None, obfuscation=""))
    assert mould.read(run, 0) == (2, "ab", len(run))
    bad = wire(written("a", usage=None, obfuscation="1").replace(b'"1"', b'"1"1"'))
    assert mould.read(bad, 0) == (0, "", 0)


@pytest.mark.parametrize(
    "event",
    [
        written("x", citations=[{"id": 1}]),  # each event's citations are its own
        json.dumps(
            {"choices": [{"delta": {"content": "a"}}, {"delta": {"content": "b"}}]}
        ).encode(),
        b'{"choices":[{"delta":{"content":"\\u0061"}}]}',  # the text is written in another way than we would
        b'{"choices":[{"delta":{"content":"?"},"x":{"content":"?"}}],"content":"?"}',
        b'{"content":"a","choices":[{"delta":{"content":"a"}}]}',
        b'{"choices":[{"delta":{"content":"\\ud800"}}]}',
    ],
)
def test_no_mould_is_made_where_the_text_can_not_be_told_for_sure(event):
    assert mould_for(event) is None


def test_the_text_is_found_though_it_stands_elsewhere_too():
    event = b'{"model":"a","choices":[{"delta":{"role":"a","content":"a"},"x":"a"}]}'
    run = wire(event.replace(b'"content":"a"', b'"content":"b"'))
    assert mould_for(event).read(run, 0) == (1, "b", len(run))
    assert mould_for(event).read(wire(event.replace(b'"role":"a"', b'"role":"b"')), 0)[0] == 0
