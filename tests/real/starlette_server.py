"""An OpenAI-compatible server in somebody else's framing: sse-starlette ends lines with CRLF and sends
`: ping` comments between events."""

from __future__ import annotations

import asyncio
import json
import sys

import uvicorn
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

WORDS = ["Some", "body ", "else's ", "framing ", "— ", "héllo ", "😀"]
USAGE = {"prompt_tokens": 1, "completion_tokens": 7, "total_tokens": 8}


def chunk(delta: dict, finish: str | None = None, **more) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    top = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "other"}
    return json.dumps({**top, "choices": [choice], **more}, ensure_ascii=False)


async def events(body: dict):
    yield chunk({"role": "assistant", "content": ""})
    for number, word in enumerate(WORDS):
        if number == 3:
            await asyncio.sleep(1.3)
        yield chunk({"content": word})
    yield chunk({}, "stop")
    if body.get("stream_options", {}).get("include_usage"):
        yield json.dumps({**json.loads(chunk({})), "choices": [], "usage": USAGE})
    yield "[DONE]"


async def chat(request: Request):
    body = await request.json()
    if body.get("stream"):
        return EventSourceResponse(events(body), ping=1)
    message = {"role": "assistant", "content": "".join(WORDS)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return JSONResponse(
        {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "other",
         "choices": [choice], "usage": USAGE}
    )  # fmt: skip


app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
