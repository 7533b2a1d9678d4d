"""A provider with the latencies that started this project, and a clock: when each question arrived, when its first word left.

    python -m bench.origin_provider PORT PROFILE

The question is "Run N"; N seeds the mock's profile, so that the same question with and without streaming has the same day.
`GET /times` tells `{N: [arrived, first word left]}` of the streams, by the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from asyncio import StreamReader, StreamWriter
from time import monotonic

from chatbot.upstream.mock_script import Script, json_script, pace_of, stream_script

SEEDS = 143_000
"""From here on two hundred of the profile have its figures: at least 7.5 s, 11.7 on average, 18.8 at P95."""
FIRST_WORD = 1
"""The step that brings it; the one before is the role."""


class Provider:
    def __init__(self, profile: str) -> None:
        self.profile = profile
        self.times: dict[int, tuple[float, float]] = {}

    async def connection(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self.answer(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, head: bytes, reader: StreamReader, writer: StreamWriter) -> None:
        if head.startswith(b"GET /times"):
            body = json.dumps(self.times).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            return await writer.drain()
        payload = json.loads(await reader.readexactly(length_of(head)))
        arrived = monotonic()
        number = number_of(payload["messages"][-1]["content"])
        left = await play(self.script(payload, number), writer, arrived)
        if payload.get("stream"):
            self.times[number] = arrived, left

    def script(self, payload: dict, number: int) -> Script:
        pace = pace_of(payload, {"profile": self.profile, "seed": SEEDS + number})
        return (stream_script if payload.get("stream") else json_script)(payload, pace)


async def play(script: Script, writer: StreamWriter, due: float) -> float:
    """Send a script by the clock; when its first word left."""
    kind, left = script.headers["Content-Type"], 0.0
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    for number, (delay, data) in enumerate(script.steps):
        due += delay
        await asyncio.sleep(due - monotonic())
        if number == FIRST_WORD:
            left = monotonic()
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return left


def length_of(head: bytes) -> int:
    """The Content-Length of a head."""
    lines = head.lower().split(b"\r\n")
    return int(next(line for line in lines if line.startswith(b"content-length:")).split(b":")[1])


def number_of(question: str) -> int:
    return int(question.rpartition(" ")[2]) if question.startswith("Run ") else -1


async def main(port: int, profile: str) -> None:
    server = await asyncio.start_server(
        Provider(profile).connection, "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    gc.disable()
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
