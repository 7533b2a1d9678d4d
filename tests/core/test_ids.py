"""No id is given twice, whoever asks for it, and in whichever process."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatbot.core.ids import new_request_id, random_id


def test_an_id_is_128_bits_in_hexadecimal():
    assert re.fullmatch(r"[0-9a-f]{32}", random_id())
    assert re.fullmatch(r"req_[0-9a-f]{32}", new_request_id())


def test_no_id_is_given_twice():
    with ThreadPoolExecutor(8) as threads:
        found = [i for some in threads.map(lambda _: _some(1000), range(16)) for i in some]
    assert len(set(found)) == 16_000


def _some(count: int) -> list[str]:
    return [random_id() for _ in range(count)]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_is_forked_gives_none_of_its_parents():
    random_id()  # so that there are some in store
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, "".join(_some(300)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        text = file.read()
    os.wait()
    theirs = {text[at : at + 32] for at in range(0, len(text), 32)}
    assert len(theirs) == 300
    assert theirs.isdisjoint(_some(300))
