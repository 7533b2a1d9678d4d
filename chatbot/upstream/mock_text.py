"""What the mock says: a sensible answer in Markdown that never pretends to come from a model."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any

from chatbot.upstream.mock_facts import Passage, facts_in, passage_for

NOTICE = "This is the built-in mock, not a language model."

_ANSWER = """**{notice}** It shows how an answer streams in; set `OPENAI_API_KEY` for real ones.

You asked: *{question}*

Three things happen while you read this:

1. The provider's events are forwarded **as they come**, byte for byte.
2. Silence is filled with heartbeats, so that no proxy hangs up.
3. The end is truthful: `[DONE]` means complete, always and only.

| what | before | now |
| --- | --- | --- |
| first words | after 18.7 s | within a second |
| a lost connection | looked complete | is said |

```python
for chunk in client.chat.completions.create(model="mock", messages=messages, stream=True):
    print(chunk.choices[0].delta.content or "", end="")
```

- Ask again, and it streams again.
- Ask for `tools`, `n` or `response_format`: they work here too.
"""

_LOOKED_UP = """**This is the built-in mock, not a language model: it only looks passages up.** \
Set `OPENAI_API_KEY` for real answers.

{found}
"""
_NOTHING = "The facts say nothing about it."


def question_of(payload: dict[str, Any]) -> str:
    """The text of the last user message, shortened; images count as nothing."""
    return _last_question(payload)[:200] or "…"


def _last_question(payload: dict[str, Any]) -> str:
    for message in reversed(payload.get("messages") or []):
        if isinstance(message, dict) and message.get("role") == "user":
            return _text_of(message.get("content"))
    return ""


def _text_of(content: object) -> str:
    if isinstance(content, list):
        texts = (p.get("text") for p in content if isinstance(p, dict))
        return " ".join(t for t in texts if isinstance(t, str))
    return content if isinstance(content, str) else ""


def answer_text(payload: dict[str, Any]) -> str:
    """The answer to a request: JSON where JSON was asked for, a passage where there are facts."""
    wanted = payload.get("response_format")
    if isinstance(wanted, dict) and str(wanted.get("type", "")).startswith("json"):
        return json.dumps({"notice": NOTICE, "question": question_of(payload)})
    if _system_with_facts(payload):
        passage = _passage(payload)
        return _LOOKED_UP.format(found=_quoted(passage) if passage else _NOTHING)
    return _ANSWER.format(notice=NOTICE, question=question_of(payload))


def citations(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """What the answer rests on, in the form that the widget shows; empty where it is on no facts."""
    found = None if "response_format" in payload else _passage(payload)
    if found is None:
        return []
    return [{"id": found.file, "n": 1, "title": found.file, "url": "", "place": found.heading,
             "text": found.text}]  # fmt: skip


def _passage(payload: dict[str, Any]) -> Passage | None:
    system = _system_with_facts(payload)
    return passage_for(system, _last_question(payload)) if system else None


def _system_with_facts(payload: dict[str, Any]) -> str | None:
    """A bot's system prompt with its facts; None where there is none, or the request is scripted."""
    messages = payload.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    if not isinstance(first, dict) or first.get("role") != "system":
        return None
    system = first.get("content")
    if not isinstance(system, str) or facts_in(system) is None:
        return None
    is_scripted = "mock" in payload or payload.get("model") == "mock-origin"
    return None if is_scripted else system


def _quoted(passage: Passage) -> str:
    heading = [f"**{passage.heading}**", ""] if passage.heading else []
    lines = [f"> {line}".rstrip() for line in [*heading, *passage.text.splitlines()]]
    return "\n".join([*lines, "", f"From `{passage.file}` [1]."])


def tokens_of(text: str, count: int | None = None) -> list[str]:
    """`text` in pieces of about a token; with `count`, exactly that many, repeated or cut."""
    pieces = re.findall(r"\s*\S{1,6}|\s+", text)
    if count is None:
        return pieces
    return (pieces * (count // len(pieces) + 1))[:count]


def tool_call(payload: dict[str, Any]) -> dict[str, Any] | None:
    """A call of the first function offered, while the last message is a user's; else None."""
    tools, messages = payload.get("tools"), payload.get("messages") or [{}]
    if not isinstance(tools, list) or not tools or messages[-1].get("role") != "user":
        return None
    function = tools[0].get("function") if isinstance(tools[0], dict) else None
    if payload.get("tool_choice") == "none" or not isinstance(function, dict):
        return None
    properties = (function.get("parameters") or {}).get("properties") or {}
    arguments = {name: question_of(payload) for name in properties}
    name = str(function.get("name"))
    return {"name": name, "arguments": json.dumps(arguments)}


def embedding(text: str, dimensions: int) -> list[float]:
    """A unit vector that depends on the text alone."""
    stream = hashlib.shake_256(text.encode("utf-8", "replace")).digest(dimensions * 2)
    raw = [int.from_bytes(stream[i : i + 2], "big") - 32767.5 for i in range(0, len(stream), 2)]
    length = math.sqrt(sum(v * v for v in raw))
    return [v / length for v in raw]
