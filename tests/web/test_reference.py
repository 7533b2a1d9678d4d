"""The document of the API is true: its form, the routes, and real answers held against its schemas.

What is asked is generated from the document, so that an address that is added to it is tried without being
listed here.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from chatbot import __version__
from chatbot.app import create_app
from chatbot.core import errors
from chatbot.core.api_key import SECRET, describe, new_text
from chatbot.core.settings import load_settings
from chatbot.store.directory import DirectoryStore
from chatbot.web.reference import document, fields, follow, operations
from tests.web.conftest import KEY

DOC = document()
API = [it for it in operations() if it.path.startswith("/api/v1/")]
NAMES = {it.told["operationId"]: it for it in operations()}
OWNER, VISITOR = "secretKey", "publishableKey"
LARGE = {"CONTENT_LENGTH": str(40 * 1024 * 1024)}


def walk(node):
    """Every object of the document."""
    if isinstance(node, dict):
        yield node
    for value in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from walk(value)


def closed(node):
    """The same, with no room for fields that are not described, but where the document says that there is."""
    if isinstance(node, list):
        return [closed(value) for value in node]
    if not isinstance(node, dict):
        return node
    found = {key: closed(value) for key, value in node.items()}
    if "properties" in node:
        found.setdefault("additionalProperties", False)
    return found


COMPONENTS = closed(DOC["components"])


def fit(schema, value):
    Draft202012Validator({**closed(schema), "components": COMPONENTS}).validate(value)


def check(answer, reply):
    """A real answer is what the document says of it: its kind, its headers, its body."""
    for name, header in answer.get("headers", {}).items():
        schema, value = follow(header)["schema"], reply.headers.get(name)
        assert value is not None or not follow(header).get("required"), name
        if value is not None:
            fit(schema, int(value) if schema.get("type") == "integer" else value)
    if "content" in answer:
        media = answer["content"][reply.mimetype]
        if reply.mimetype == "application/json":
            fit(media["schema"], reply.json)


def check_operation(it, reply):
    check(follow(it.told["responses"][str(reply.status_code)]), reply)


def callers_of(it) -> set[str]:
    return {name for one in it.told["security"] for name in one}


class Talk:
    """A visitor who has asked once, and the owner."""

    def __init__(self, app) -> None:
        directory = app.extensions["chatbot"].directory
        key = next(k.shown for k in directory.keys if k.kind == "pk")
        self.client = app.test_client()
        self.headers = {
            OWNER: {"Authorization": f"Bearer {KEY}"},
            VISITOR: {"Authorization": f"Bearer {key}", "Origin": "http://localhost:3000"},
            "nobody": {},
        }
        first = self.ask(NAMES["createChatCompletion"], VISITOR)
        self.headers[VISITOR]["X-Session-ID"] = first.headers["X-Session-ID"]
        self.ids = {"conversation": first.headers["X-Conversation-ID"], "model": "mock-instant"}
        self.message = first.headers["X-Message-ID"]

    def ask(self, it, who, *, headers=None, ids=None, query="", **options):
        """One operation, with the document's example as the body where no other is given."""
        if "requestBody" in it.told and "json" not in options:
            (media,) = it.told["requestBody"]["content"].values()
            body = dict(media["example"])
            options["json"] = {**body, "message_id": self.message} if "message_id" in body else body
        path = it.path.format(**(ids or getattr(self, "ids", {})))
        sent = {**self.headers[who], **(headers or {})}
        return self.client.open(
            path + query, method=it.method, headers=sent, buffered=True, **options
        )


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    settings = load_settings(
        {
            "CHATBOT_DATA_DIR": str(tmp_path_factory.mktemp("data")),
            "CHATBOT_API_KEYS": KEY,
            "CHATBOT_MODEL": "mock-instant",
            "CHATBOT_PERCEIVED": "true",
        },
        Path("absent.env"),
    )
    app = create_app(settings)
    yield app
    app.extensions["chatbot"].close()


@pytest.fixture
def talk(app):
    return Talk(app)


def test_it_has_the_form_of_an_openapi_document():
    assert re.fullmatch(r"3\.1\.\d+", DOC["openapi"])
    assert DOC["info"].keys() >= {"title", "version", "description"}
    assert DOC["info"]["version"] == __version__
    assert all(path.startswith("/") for path in DOC["paths"])
    tags = {tag["name"] for tag in DOC["tags"]}
    for it in operations():
        assert it.told["summary"] and it.told["responses"]
        assert set(it.told["tags"]) <= tags
        assert callers_of(it) <= DOC["components"]["securitySchemes"].keys()
        places = [(p["in"], p["name"]) for p in it.parameters]
        assert len(places) == len(set(places))
        in_path = {p["name"] for p in it.parameters if p["in"] == "path" and p["required"]}
        assert in_path == set(re.findall(r"{(\w+)}", it.path))
        for status, answer in it.told["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d", status) and follow(answer)["description"]
    assert len(NAMES) == len(operations())


def test_every_reference_leads_somewhere_and_every_component_is_used():
    used = {node["$ref"] for node in walk(DOC) if "$ref" in node}
    assert all(follow({"$ref": ref}) for ref in used)
    named = {
        f"#/components/{kind}/{name}"
        for kind, all_of_it in DOC["components"].items()
        if kind != "securitySchemes"
        for name in all_of_it
    }
    # A method that a path does not take belongs to no operation.
    assert named - used == {"#/components/responses/MethodNotAllowed"}


def test_schemas_are_json_schema_and_examples_fit_them():
    schemas = [*DOC["components"]["schemas"].values(), *(n["schema"] for n in walk(DOC) if "schema" in n)]  # fmt: skip
    for schema in schemas:
        Draft202012Validator.check_schema(schema)
    for node in walk(DOC):
        if "example" in node:
            fit(node["schema"], node["example"])


def test_no_example_looks_like_a_key():
    assert not re.findall(r"\b[sp]k_[^…]", json.dumps(DOC, ensure_ascii=False))


def test_the_document_and_the_routes_are_the_same(app):
    rules = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    short = {(path, method) for path, method in rules if path.startswith("/v1/")}
    described = {(it.path, it.method) for it in operations()}
    assert rules - short - {("/static/{filename}", "get")} == described
    assert {(f"/api{path}", method) for path, method in short} == {
        (it.path, it.method) for it in API
    }


def test_codes_types_and_statuses_are_those_of_the_errors():
    kinds = [k for k in vars(errors).values() if isinstance(k, type)]
    told = DOC["components"]["schemas"]["Error"]["properties"]["error"]["properties"]
    assert sorted(told["code"]["enum"]) == sorted({k.code for k in kinds})
    assert sorted(told["type"]["enum"]) == sorted({k.type for k in kinds})
    by_status: dict[int, set[str]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, set()).add(kind.code)
    for answer in DOC["components"]["responses"].values():
        status = int(answer["description"].split(".")[0])
        named = set(re.findall(r"`(\w+)`", answer["description"])) & set(told["code"]["enum"])
        assert named == by_status.pop(status)
    assert not by_status


@pytest.mark.parametrize("who", [OWNER, VISITOR])
@pytest.mark.parametrize("it", API, ids=lambda it: it.told["operationId"])
def test_an_answer_fits_its_schema_and_only_the_keys_that_are_named_get_one(talk, it, who):
    reply = talk.ask(it, who)
    assert (reply.status_code == 200) == (who in callers_of(it)), reply.text
    check_operation(it, reply)


FAILING = {
    "a host that is not known": ("any", 400, {"headers": {"Host": "evil.example"}}),
    "a page that is not listed": ("any", 403, {"headers": {"Origin": "https://evil.example"}}),
    "a thing that is not there": ("id", 404, {"ids": {"conversation": "conv_x", "model": "none"}}),
    "a body that is no object": ("body", 400, {"json": []}),
    "a body that is too large": ("body", 413, {"environ_overrides": LARGE}),
}
"""By name: which operations can be asked so, and what is answered."""


def failing():
    for it in API:
        takes = {"any", "id" if "{" in it.path else "", "body" if "requestBody" in it.told else ""}
        name = it.told["operationId"]
        yield pytest.param(it, "nobody", 401, {}, id=f"{name} no key")
        for who in sorted({OWNER, VISITOR} & callers_of(it)):
            for case, (wanted, status, options) in FAILING.items():
                if wanted in takes:
                    yield pytest.param(it, who, status, options, id=f"{name} {who} {case}")


@pytest.mark.parametrize(("it", "who", "status", "options"), list(failing()))
def test_an_error_fits_its_schema(talk, it, who, status, options):
    reply = talk.ask(it, who, **options)
    assert reply.status_code == status
    check_operation(it, reply)


@pytest.mark.parametrize("it", operations(), ids=lambda it: it.told["operationId"])
def test_a_method_that_is_not_described_is_refused_as_described(app, it):
    path = re.sub(r"{\w+}", "x", it.path)
    reply = app.test_client().put(path)
    assert reply.status_code == 405
    check(DOC["components"]["responses"]["MethodNotAllowed"], reply)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "before=x"])
def test_a_query_that_can_not_be_is_refused_as_described(talk, query):
    it = NAMES["listConversations"]
    reply = talk.ask(it, OWNER, query=f"?{query}")
    assert reply.status_code == 400
    check_operation(it, reply)


def test_other_forms_of_an_answer_fit_too(talk):
    for name, who, options in (
        ("exportConversation", VISITOR, {"query": "?format=markdown"}),
        ("rateAnswer", VISITOR, {"json": {"message_id": talk.message, "rating": None}}),
        ("rateAnswer", OWNER, {"json": {"message_id": "msg_none", "rating": "up"}}),
        ("createEmbeddings", OWNER, {"json": {"input": "Tea", "encoding_format": "float"}}),
    ):
        check_operation(NAMES[name], talk.ask(NAMES[name], who, **options))


@pytest.mark.parametrize("fault", ["", "error_mid"])
def test_the_events_of_a_stream_fit_their_schema(talk, fault):
    it = NAMES["createChatCompletion"]
    (media,) = it.told["requestBody"]["content"].values()
    body = {**media["example"], "stream": True, "stream_options": {"include_usage": True}}
    reply = talk.ask(it, OWNER, json={**body, "mock": {"fault": fault}})
    check_operation(it, reply)
    schema = it.told["responses"]["200"]["content"]["text/event-stream"]["schema"]
    *events, last = re.findall("^data: (.*)$", reply.text, re.M)
    for event in events:
        fit(schema, json.loads(event))
    if fault:
        fit(schema, json.loads(last))
        assert json.loads(last)["error"]["delivered"] == {"events": len(events)}
    else:
        assert last == "[DONE]"


@pytest.mark.parametrize(
    "fault", ["400", "401", "404", "413", "422", "429", "500", "context_length", "json_error"]
)
def test_a_providers_failure_fits_its_schema(make_settings, fault):
    app = create_app(make_settings(CHATBOT_API_KEYS=KEY, CHATBOT_MODEL="mock-instant"))
    it, talk = NAMES["createChatCompletion"], Talk(app)
    body = {"messages": [{"role": "user", "content": "Hi"}], "mock": {"fault": fault}}
    reply = talk.ask(it, OWNER, json=body)
    assert reply.status_code >= 400
    check_operation(it, reply)
    app.extensions["chatbot"].close()


@pytest.mark.parametrize("scope", ["chat", "conversations", "operate"])
def test_a_secret_key_opens_what_its_scope_is_named_for(app, talk, scope):
    services, text = app.extensions["chatbot"], new_text(SECRET)
    DirectoryStore(services.database).add_key(describe(text, scopes=(scope,)))
    services.directory.look()
    talk.headers[OWNER] = {"Authorization": f"Bearer {text}"}
    for it in API:
        scopes = [s for one in it.told["security"] for s in one.get(OWNER, ())]
        if scopes:
            reply = talk.ask(it, OWNER)
            assert (reply.status_code != 403) == (scope in scopes), it.path
            check_operation(it, reply)


@pytest.mark.parametrize("name", ["getHealth", "getReadiness", "getMetrics", "getDocument"])
@pytest.mark.parametrize("headers", [{}, {"Via": "1.1 proxy"}, {"Authorization": f"Bearer {KEY}"}])
def test_what_operators_read_fits_its_schema(app, name, headers):
    it = NAMES[name]
    reply = app.test_client().get(it.path, headers=headers)
    check_operation(it, reply)
    if name == "getReadiness":
        assert ("database" in reply.json) == ("Via" not in headers)
    if name == "getDocument":
        assert reply.json == DOC


def test_a_server_that_is_being_drained_says_so_as_described(make_settings):
    app = create_app(make_settings(CHATBOT_API_KEYS=KEY))
    app.extensions["chatbot"].drain.begin()
    reply = app.test_client().get("/readyz")
    assert reply.status_code == 503
    check_operation(NAMES["getReadiness"], reply)
    app.extensions["chatbot"].close()


@pytest.fixture(scope="module")
def page(app):
    return app.test_client().get("/api/docs").text


def test_the_page_has_every_operation_parameter_field_and_answer(page):
    shown = page.replace("<wbr>", "")
    for it in operations():
        section = shown.split(f'<section aria-labelledby="{it.told["operationId"]}">')[1]
        section = section.split("</section>")[0]
        assert f"<code>{it.method.upper()} {it.path}</code>" in section
        for parameter in it.parameters:
            assert f"<li><code>{parameter['name']}</code>" in section
        for media in follow(it.told.get("requestBody", {})).get("content", {}).values():
            for field in fields(follow(media["schema"])):
                assert f"<li><code>{field.name}</code>" in section
        for status in it.told["responses"]:
            assert f"<dt>{status}</dt>" in section


def test_the_pages_links_lead_somewhere_and_its_headings_are_in_order(page):
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    contents = page.split("<nav")[1].split("</nav>")[0]
    assert set(NAMES) <= set(re.findall(r'href="#([^"]+)"', contents))
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_page_holds_nothing_inline_and_nothing_of_anybody_elses(page):
    assert not re.search(r"<script|<style|<[^>]*\s(style|on\w+)=|//", page)
