"""The mock's whole API: which script answers which request."""

from __future__ import annotations

import json
from typing import Any

from chatbot.protocol.strict_json import NotJSON, read_json
from chatbot.upstream.mock_script import MODELS, Script, body_script, error_script, write_script
from chatbot.upstream.mock_text import embedding


def script_for(method: str, path: str, body: bytes) -> Script:
    """The script for a request to `path`, which begins behind `/v1`."""
    if method == "GET":
        return _models(path)
    try:
        payload = read_json(body)
    except NotJSON:
        return error_script(400, "The body is not JSON.", "invalid_request")
    if path == "/chat/completions":
        return write_script(payload)
    if path == "/embeddings":
        return _embeddings(payload)
    return error_script(404, "No such address.", "not_found")


def _models(path: str) -> Script:
    models = [
        {"id": m, "object": "model", "created": 1_700_000_000, "owned_by": "mock"} for m in MODELS
    ]
    if path == "/models":
        return _json({"object": "list", "data": models})
    for model in models:
        if path == f"/models/{model['id']}":
            return _json(model)
    return error_script(404, "No such model.", "model_not_found")


def _embeddings(payload: dict[str, Any]) -> Script:
    given = payload.get("input")
    texts: list[Any] = given if isinstance(given, list) and given else [given]
    if not all(isinstance(text, str) and text for text in texts):
        return error_script(400, "input must be a text or a list of texts.", "invalid_request")
    dimensions = payload.get("dimensions") or 256
    if type(dimensions) is not int or not 1 <= dimensions <= 4096:
        return error_script(400, "dimensions must be from 1 to 4096.", "invalid_request")
    data = [
        {"object": "embedding", "index": n, "embedding": embedding(text, dimensions)}
        for n, text in enumerate(texts)
    ]
    tokens = sum(len(text) // 4 + 1 for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    asked = payload.get("model")
    model = asked if isinstance(asked, str) and asked else "mock"
    return _json({"object": "list", "data": data, "model": model, "usage": usage})


def _json(value: object) -> Script:
    return body_script(json.dumps(value).encode())
