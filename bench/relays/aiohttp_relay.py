"""aiohttp that does nothing but pass on. To compare with."""

import os
import sys

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

UPSTREAM = os.environ["OPENAI_BASE_URL"]


async def create(request: web.Request) -> web.StreamResponse:
    body = await request.read()
    headers = {"Content-Type": "application/json"}
    async with request.app["session"].post(
        f"{UPSTREAM}/chat/completions", data=body, headers=headers
    ) as answer:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        await response.write_eof()
        return response


async def session(app: web.Application):
    app["session"] = ClientSession(
        timeout=ClientTimeout(total=None), connector=TCPConnector(limit=0)
    )
    yield
    await app["session"].close()


def main() -> None:
    app = web.Application(client_max_size=2**26)
    app.cleanup_ctx.append(session)
    app.router.add_post("/v1/chat/completions", create)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


main()
