"""Generated requests against the API's own document: every operation, by everybody who may call it and who may not.

No answer is a 5xx of ours, each status is one that the document names, and each answer fits its schema. Streams are looked at
apart (`tests/relay`, `tests/doctor`): here each answer is asked for whole. The examples are the same each time; `make fuzz` looks longer.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi_checks

from chatbot.app import create_app
from chatbot.core.settings import load_settings
from chatbot.web.reference import document
from tests.visitor import Visitor, add_bot
from tests.web.conftest import KEY

LONG = int(os.environ.get("FUZZ", "0"))
CHECKS = [
    not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]
schema = schemathesis.openapi.from_dict(document())
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    environ = {
        "CHATBOT_DATA_DIR": str(tmp_path_factory.mktemp("data")), "CHATBOT_API_KEYS": KEY,
        "CHATBOT_MODEL": "mock-instant",
    }  # fmt: skip
    found = create_app(load_settings(environ, Path("absent.env")))
    yield found
    found.extensions["chatbot"].close()


@pytest.fixture(scope="module")
def callers(app):
    roomy = dict.fromkeys(
        ("visitor_requests_per_minute", "address_requests_per_minute", "requests_per_minute"), 10**9
    )
    visitor = Visitor(app.test_client(), add_bot(app, "shop", limits=roomy))
    assert visitor.ask("Hello").status_code == 200
    return [visitor.headers, {"Authorization": f"Bearer {KEY}"}, {}]


@schema.exclude(operation_id="streamTestPattern").parametrize()
@settings(
    max_examples=LONG or 12, deadline=None, derandomize=not LONG, database=None,
    suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
def test_whatever_is_asked_is_answered_as_the_document_says(case, app, callers):
    for headers in callers:
        if isinstance(case.body, dict):
            case.body.pop("stream", None)
        sent = {k: v for k, v in (case.headers or {}).items() if k.lower() not in ("authorization", "origin")}  # fmt: skip
        case.headers = {**sent, **headers}
        response = case.call(app=app)
        case.validate_response(response, checks=CHECKS)


def test_the_document_itself_is_one_that_tools_read():
    assert len(list(schema.get_all_operations())) == sum(
        method in ("get", "post", "patch", "delete")
        for path in document()["paths"].values()
        for method in path
    )
    assert json.dumps(document())
