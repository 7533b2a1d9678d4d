"""A listed origin fits exactly, a pattern only what it says, and nothing that was not listed fits ever."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.core.origin import check_pattern, matches

SHOP, SUBS, LOCAL = "https://shop.example", "https://*.shop.example", "http://localhost:*"
NEVER = [
    "", "null", "NULL", "*", "file://", "https://", "shop.example", "//shop.example",
    "https://shop.example, https://evil.example", "https://shop.example https://evil.example",
    "https://evil.example https://shop.example", "https://evil.example,https://a.shop.example",
    "https://shop.example\n", "https://a.shop.example\n", "http://localhost:80\n",
    "https://shop.example\0", " https://shop.example", "https://shop.example ", "https://shop.example/",
    "https://shop.example?", "https://shop.example#", "https://shop.example\\",
]  # fmt: skip


def fits(origin: str, *listed: str) -> bool:
    return matches(origin, tuple(check_pattern(pattern) for pattern in listed))


@pytest.mark.parametrize("listed", [SHOP, SUBS, LOCAL])
@pytest.mark.parametrize("origin", NEVER)
def test_what_is_no_single_origin_fits_nothing(listed, origin):
    assert not fits(origin, listed)


@pytest.mark.parametrize(
    ("listed", "origin"),
    [
        (SHOP, SHOP), ("https://shop.example:443", SHOP), ("http://shop.example:80", "http://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443"), ("HTTPS://Shop.Example/", SHOP),
        (" https://shop.example ", SHOP), ("http://intranet", "http://intranet"),
        ("http://192.0.2.7:8080", "http://192.0.2.7:8080"), ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://[2001:db8::7]", "https://[2001:db8::7]"),
        ("https://[2001:DB8:0:0:0:0:0:7]", "https://[2001:db8::7]"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        (SUBS, "https://a.shop.example"), (SUBS, "https://a.b.c.shop.example"),
        (SUBS, "https://xn--bcher-kva.shop.example"), (SUBS, "https://a_b.shop.example"),
        ("https://*.shop.example:8443", "https://a.shop.example:8443"),
        (LOCAL, "http://localhost"), (LOCAL, "http://localhost:1"), (LOCAL, "http://localhost:65535"),
        ("http://127.0.0.1:*", "http://127.0.0.1:5173"), ("http://[::1]:*", "http://[::1]:5173"),
        ("http://[::1]:*", "http://[::1]"),
    ],
)  # fmt: skip
def test_what_is_listed_fits(listed, origin):
    assert fits(origin, listed)
    assert fits(origin, "https://other.example", listed)


@pytest.mark.parametrize(
    ("listed", "origin"),
    [
        (SHOP, "http://shop.example"), (SHOP, "https://www.shop.example"), (SHOP, "https://shop.example:8443"),
        (SHOP, "https://shop.example:443"), (SHOP, "https://shop.example:"), (SHOP, "https://SHOP.example"),
        (SHOP, "HTTPS://shop.example"), (SHOP, "https://shop.example."), (SHOP, "https://shop.example.evil"),
        (SHOP, "https://evilshop.example"), (SHOP, "https://shop.example@evil.example"),
        (SHOP, "https://evil.example#shop.example"), (SHOP, "https://shopxexample"),
        ("https://shop.example:8443", SHOP), ("http://shop.example", SHOP),
        ("https://shop.example:8443", "https://shop.example:84430"),
        ("http://[::1]:8000", "http://[::1]"), ("http://[::1]", "http://::1"),
        ("http://[::1]", "http://[0:0:0:0:0:0:0:1]"),
        (SUBS, SHOP), (SUBS, "https://.shop.example"), (SUBS, "https://..shop.example"),
        (SUBS, "https://a..shop.example"), (SUBS, "https://.a.shop.example"), (SUBS, "https://*.shop.example"),
        (SUBS, "https://a.shop.example."), (SUBS, "https://ashop.example"), (SUBS, "https://a-shop.example"),
        (SUBS, "https://x@a.shop.example"), (SUBS, "https://x:y@a.shop.example"),
        (SUBS, "https://a.shop.example/"), (SUBS, "https://evil.example/.shop.example"),
        (SUBS, "https://evil.example?.shop.example"), (SUBS, "https://evil.example#.shop.example"),
        (SUBS, "https://evil.example\\.shop.example"), (SUBS, "https://evil.example:1.shop.example"),
        (SUBS, "https://evil.example%2f.shop.example"), (SUBS, "https://-.shop.example"),
        (SUBS, "https://a.shop.example.evil"), (SUBS, "https://a.shop.example:8443"),
        (SUBS, "http://a.shop.example"), (SUBS, "https://A.shop.example"), (SUBS, "https://ä.shop.example"),
        ("https://*.shop.example:8443", "https://a.shop.example"),
        (LOCAL, "https://localhost"), (LOCAL, "https://localhost:80"), (LOCAL, "http://localhost.evil:80"),
        (LOCAL, "http://localhost.evil"), (LOCAL, "http://a.localhost:80"), (LOCAL, "http://localhost:"),
        (LOCAL, "http://localhost:80x"), (LOCAL, "http://localhost:x80"), (LOCAL, "http://localhost:*"),
        (LOCAL, "http://localhost:80:80"), (LOCAL, "http://localhost:123456"), (LOCAL, "http://localhost:٣"),
        (LOCAL, "http://localhost:80@evil.example:80"), (LOCAL, "http://127.0.0.1:80"),
        ("http://127.0.0.1:*", "http://127.0.0.1.evil:80"), ("http://[::1]:*", "http://[::2]:80"),
    ],
)  # fmt: skip
def test_what_is_near_to_it_does_not(listed, origin):
    assert not fits(origin, listed)


@pytest.mark.parametrize(
    "pattern",
    [
        "", "*", "null", "https://*", "http://*:80", "https://*.", "https://a.*.b", "https://*.*.b",
        "https://a*.b", "https://*a.b", "https://**.b", "*://shop.example", "*.shop.example", "shop.example",
        "//shop.example", "ftp://shop.example", "file:///", "chrome-extension://abc", "javascript:alert(1)",
        "https:shop.example", "https:/shop.example", "https://", "https:///shop.example",
        "https://shop.example/path", "https://shop.example/*", "https://shop.example//",
        "https://shop.example?", "https://shop.example#x", "https://user@shop.example",
        "https://shop.example:*", "http://evil:*", "http://a.localhost:*", "http://*.localhost:*",
        "https://shop.example:", "https://shop.example:x", "https://shop.example:0",
        "https://shop.example:0443", "https://shop.example:65536", "https://shop.example:123456",
        "https://shop.example.", "https://.shop.example", "https://shop..example", "https://-shop.example",
        "https://shop .example", "https://shop.example https://b.example", "https://shop.example,https://b",
        "https://sh\nop.example", "https://shöp.example", "https://\u212aiosk.example", "https://shop．example",
        "http://[::1", "http://::1", "http://[::1]x", "http://[:::]", "http://[1.2.3.4]", "http://[::g]",
        "https://" + "a" * 64 + ".example", None, 5, ["https://shop.example"], b"https://shop.example",
    ],
)  # fmt: skip
def test_a_pattern_that_is_none_is_refused(pattern):
    with pytest.raises(ValueError, match=r"https://shop\.example|localhost only") as error:
        check_pattern(pattern)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("pattern", [SHOP, SUBS, LOCAL, "https://*.a.b:1", "http://[::1]:*"])
def test_a_pattern_is_kept_as_it_is_compared(pattern):
    assert check_pattern(check_pattern(pattern.upper() + "/")) == pattern


PIECES = [*"aA0-_.:/@#?*%\\ ,\n\0[]é", ".shop", ".example", "localhost"]
NEAR = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
LABEL = re.compile("[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")


@given(st.lists(st.sampled_from([SHOP, "http://a.example:81", "http://[::1]"])), st.data())
def test_an_origin_that_was_not_listed_never_fits(listed, data):
    near = st.sampled_from([SHOP, *listed])
    origin = data.draw(st.one_of(near, st.builds("{}{}".format, near, NEAR), st.text()))
    assert fits(origin, *listed) == (origin in listed)


@given(NEAR, NEAR)
def test_below_a_domain_are_whole_labels_alone(before, after):
    if fits(f"https://{before}shop.example{after}", SUBS):
        labels = f"{before}shop.example{after}".split(".")
        assert labels[-2:] == ["shop", "example"]
        assert len(labels) > 2
        assert all(LABEL.fullmatch(label) for label in labels)


@given(NEAR)
def test_any_port_is_digits_and_nothing_else(rest):
    if fits(f"http://localhost{rest}", LOCAL):
        assert rest == "" or (rest[0] == ":" and set(rest[1:]) <= set(string.digits))
