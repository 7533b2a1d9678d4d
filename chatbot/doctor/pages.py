"""Whether a page of a given origin, with a given publishable key, may ask: what a browser would say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chatbot.doctor.front import API, Answer, Front
from chatbot.doctor.pace import Pace
from chatbot.doctor.word import Finding

_ALLOW = "Access-Control-Allow-Origin"
_PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-requested-with,x-session-id",
}


def cors_check(origin: str, page_key: str) -> Callable[[Front, Pace], Iterator[Finding]]:
    """The examination for one page; without its key, of the preflight alone."""

    def check(front: Front, pace: Pace) -> Iterator[Finding]:
        del pace
        preflight = front.ask("OPTIONS", f"{API}/chat/completions", {"Origin": origin, **_PREFLIGHT}, key=False)  # fmt: skip
        found = list(_of_preflight(preflight, origin))
        if not found and page_key:
            headers = {"Origin": origin, "Authorization": f"Bearer {page_key}"}
            found = list(_of_answer(front.ask("GET", f"{API}/conversations", headers), origin))
        yield from found

    return check


def _of_preflight(answer: Answer, origin: str) -> Iterator[Finding]:
    if answer.code == "origin_not_allowed":
        yield Finding("origin-not-listed", f"No key lists {origin}.")
    elif answer.status != 204 or "Access-Control-Allow-Methods" not in answer.headers:
        yield Finding("cors-preflight", f"OPTIONS was answered with {answer.status}.")
    else:
        yield from _readable(answer, origin)


def _of_answer(answer: Answer, origin: str) -> Iterator[Finding]:
    if answer.code == "origin_not_allowed":
        yield Finding("origin-not-listed", f"The key of the page does not list {origin}.")
    elif answer.status == 200:
        yield from _readable(answer, origin)
    else:
        yield Finding("page-key-refused", f"{answer.status} {answer.code}".strip() + ".")


def _readable(answer: Answer, origin: str) -> Iterator[Finding]:
    allowed = answer.headers.get_all(_ALLOW) or []
    if not allowed:
        yield Finding("cors-missing", f"{_ALLOW} is not there.")
    elif allowed != [origin]:
        yield Finding("cors-doubled", f"{_ALLOW} is {' and '.join(allowed)}.")
