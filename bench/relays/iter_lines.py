"""The relay as it is mostly written: Flask, gevent, requests, `iter_lines`. To compare with."""

import os

import requests
from flask import Flask, Response, request, stream_with_context

app = Flask(__name__)
UPSTREAM = os.environ["OPENAI_BASE_URL"]
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=1000))


@app.post("/v1/chat/completions")
def create():
    answer = session.post(f"{UPSTREAM}/chat/completions", json=request.get_json(), stream=True)

    def events():
        for line in answer.iter_lines():
            if line:
                yield line + b"\n\n"

    return Response(stream_with_context(events()), mimetype="text/event-stream")
