"""A token is good as it was issued, for what it was issued, until its time: in one spelling and no other."""

from __future__ import annotations

import base64
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.access.sessions import Signer
from chatbot.core.secret import Secret

SIGNER = Signer(Secret("s" * 32))
LATER = time.time() + 1000
LETTERS = string.ascii_letters + string.digits + "-_"


def issue(**options) -> str:
    return SIGNER.issue("ses", LATER, "shop", "", **options).text


def test_a_token_says_what_it_was_issued_with():
    token = SIGNER.issue("conv", LATER, "shop", "s:1")
    assert SIGNER.read("conv", token.text, "shop", "s:1") == token
    assert (token.expires_at, len(bytes.fromhex(token.id))) == (int(LATER), 16)
    assert token.text.startswith("conv_")
    assert SIGNER.peek("conv", token.text) == token.id


def test_a_token_of_a_known_id_is_the_same_again():
    token = SIGNER.issue("conv", LATER, "shop")
    assert SIGNER.issue("conv", LATER, "shop", token_id=token.id) == token


def test_ids_are_128_bits_that_all_change():
    ids = [int(SIGNER.issue("ses", LATER).id, 16) for _ in range(200)]
    assert len(set(ids)) == 200
    ever_one, ever_zero = 0, 0
    for number in ids:
        ever_one |= number
        ever_zero |= ~number
    assert ever_one & ever_zero & (2**128 - 1) == 2**128 - 1


def test_a_token_with_any_bit_changed_is_none():
    text = issue()
    data = bytearray(base64.urlsafe_b64decode(text.removeprefix("ses_")))
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert SIGNER.read("ses", f"ses_{_coded(changed)}", "shop", "") is None


def _coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


def test_a_token_with_any_character_changed_left_out_or_added_is_none():
    text = issue()
    for place in range(len(text) + 1):
        before, behind = text[:place], text[place:]
        for other in ("A", "B", "-", "+", "/", "=", "_", "", " ", "\n", "\0", "é"):
            for made in (before + other + behind[1:], before + other + behind):
                assert made == text or SIGNER.read("ses", made, "shop", "") is None, made


@given(st.text(alphabet=LETTERS + "=+/ \n", max_size=60))
def test_a_token_is_not_guessed(rest):
    assert SIGNER.read("ses", f"ses_{rest}", "shop", "") is None


def test_there_is_one_spelling_of_a_token():
    """In other alphabets the same bytes are another text: what is compared or counted as text would not see it."""
    token = next(t for t in iter(issue, None) if {"-", "_"} <= set(t.removeprefix("ses_")))
    other = [
        "ses_" + token.removeprefix("ses_").replace("-", "+"),
        "ses_" + token.removeprefix("ses_").replace("_", "/"),
        token + "=", token + "==", token + "====", token + "\n", " " + token, token.replace("ses_", "ses_\n"),
        token.replace("ses_", "ses__"), token.replace("ses_", "SES_"),
    ]  # fmt: skip
    assert SIGNER.read("ses", token, "shop", "") is not None
    for text in other:
        assert text != token
        assert SIGNER.read("ses", text, "shop", "") is None, text
        assert SIGNER.peek("ses", text) == "", text


@pytest.mark.parametrize("text", [
    "", "ses", "ses_", "_", "conv_" + "A" * 48, "ses_" + "A" * 47, "ses_" + "A" * 52, "ses_" + "A" * 100_000,
    "ses_é", "ses_\udcff",
])  # fmt: skip
def test_what_is_no_token_is_none_and_claims_no_id(text):
    assert SIGNER.read("ses", text, "shop", "") is None
    assert SIGNER.peek("ses", text) == ""


@pytest.mark.parametrize(
    ("kind", "bound"),
    [("conv", ("shop", "")), ("", ("shop", "")), ("ses", ("shop",)), ("ses", ("shop", "", "")), ("ses", ()),
     ("ses", ("shop", "anna")), ("ses", ("other", "")), ("ses", ("", "shop")), ("ses", ("Shop", ""))],
)  # fmt: skip
def test_a_token_is_none_as_another_kind_or_for_another(kind, bound):
    text = issue()
    assert SIGNER.read(kind, text, *bound) is None
    assert SIGNER.read(kind, text.replace("ses_", f"{kind}_"), *bound) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "bc"), ("ab", "c")), (("a", ""), ("", "a")), (("ab",), ("a", "b")), ((), ("",)),
     (("a\0b",), ("a", "b")), (("a", "b"), ("b", "a")), (("\0\0\0\1a",), ("", "a"))],
)  # fmt: skip
def test_what_a_token_is_bound_to_does_not_run_together(one, other):
    text = SIGNER.issue("ses", LATER, *one).text
    assert SIGNER.read("ses", text, *one) is not None
    assert SIGNER.read("ses", text, *other) is None


@given(st.lists(st.text(max_size=3), max_size=3), st.lists(st.text(max_size=3), max_size=3))
def test_a_token_is_for_its_own_bindings_alone(one, other):
    text = SIGNER.issue("ses", LATER, *one).text
    assert (SIGNER.read("ses", text, *other) is not None) == (one == other)


def test_a_token_ends_at_its_time_and_its_time_is_signed():
    past = SIGNER.issue("ses", time.time() - 1, "shop", "")
    assert SIGNER.read("ses", past.text, "shop", "") is None
    data = bytearray(base64.urlsafe_b64decode(past.text.removeprefix("ses_")))
    data[16:20] = int(LATER).to_bytes(4, "big")
    assert SIGNER.read("ses", f"ses_{_coded(data)}", "shop", "") is None
    now = SIGNER.issue("ses", time.time(), "shop", "")
    assert SIGNER.read("ses", now.text, "shop", "") is None


def test_another_secrets_token_is_none():
    other = Signer(Secret("s" * 31 + "t"))
    assert other.read("ses", issue(), "shop", "") is None
    assert SIGNER.read("ses", other.issue("ses", LATER, "shop", "").text, "shop", "") is None
    assert Signer(Secret("s" * 32)).read("ses", issue(), "shop", "") is not None


def test_what_is_derived_depends_on_secret_and_purpose():
    derived = {
        SIGNER.derived("a"), SIGNER.derived("b"), SIGNER.derived(""), Signer(Secret("x" * 32)).derived("a"),
    }  # fmt: skip
    assert len(derived) == 4
    assert SIGNER.derived("a") == Signer(Secret("s" * 32)).derived("a")
    assert "s" * 8 not in repr(SIGNER) + SIGNER.derived("a")
