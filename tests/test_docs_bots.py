"""What README and docs/bots.md say to type about bots and keys is typed here, against a running server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time

import jwt
import pytest

from chatbot.access import budgets
from chatbot.access.limits import KEY_LIMITS, budgets_of
from chatbot.core.bot import Limits
from tests.server import ROOT, Client, running, wait_for

ORIGIN = "https://shop.example"
README = (ROOT / "README.md").read_text()
LIMITS = (ROOT / "docs" / "limits.md").read_text()
PAGE = (ROOT / "docs" / "bots.md").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("docs"), CHATBOT_MODEL="mock-instant") as found:
        yield found


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", text, re.S)


def typed(commands: str, server, folder, **kwargs) -> str:
    """What a shell prints for these commands, with the server's settings."""
    ours = re.sub(r"^(\.venv/bin/)?python ", f"{sys.executable} ", commands, flags=re.M)
    env = {
        **os.environ, "PYTHONPATH": str(ROOT), "PORT": str(server.port),
        "CHATBOT_DATA_DIR": str(server.log_file.parent),
    }  # fmt: skip
    done = subprocess.run(
        ["sh", "-e", "-c", ours], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def ask(server, key: str, question: str, **headers: str):
    body = f'{{"messages":[{{"role":"user","content":"{question}"}}]}}'.encode()
    sent = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Origin": ORIGIN}
    with Client(server.port) as client:
        return client.post("/api/v1/chat/completions", body, {**sent, **headers})


def test_a_strangers_first_bot_knows_its_shop_after_the_readmes_commands(server, tmp_path):
    commands = next(b for b in blocks(README, "sh") if "bots create" in b)
    assert len(commands.strip().splitlines()) == 3
    printed = typed(commands, server, tmp_path)
    key = re.search(r"^(pk_\S+)$", printed, re.M)[1]
    assert f"Look: http://127.0.0.1:{server.port}/#key={key}" in printed
    wait_for(lambda: ask(server, key, "Hi").status == 200)
    answer = ask(server, key, "How long does the delivery take?").json
    text = answer["choices"][0]["message"]["content"]
    assert "within two days" in text
    assert "shop.md" in text


def test_what_the_page_about_bots_says_to_type(server, tmp_path):
    (tmp_path / "shop.md").write_text("# Shop\n\nTea.\n")
    (tmp_path / "bots.toml").write_text(blocks(PAGE, "toml")[0])
    create, applied, keys = blocks(PAGE, "sh")
    typed(create.replace("create shop", "create other"), server, tmp_path)
    first, second = typed(applied, server, tmp_path), typed(applied, server, tmp_path)
    assert "bot shop" in first
    assert "0 changed, 1 in the file." in second
    printed = typed(keys, server, tmp_path)
    assert re.search(r"^sk_\S+$", printed, re.M)
    key = re.search(r"^pk_\S+$", printed, re.M)[0]
    wait_for(lambda: ask(server, key, "Hi").status == 200)
    revoked = typed(f"python -m chatbot keys revoke {key}", server, tmp_path)
    assert "is revoked" in revoked
    wait_for(lambda: ask(server, key, "Hi").status == 401)


def test_the_token_of_the_page_is_accepted(server, tmp_path):
    typed(
        "python -m chatbot bots create club --origin https://shop.example\n"
        "python -m chatbot bots show club > bots.toml\n"
        "printf 'identify = \"required\"\\n' >> bots.toml\n"
        "python -m chatbot apply bots.toml",
        server, tmp_path,
    )  # fmt: skip
    signing = typed("python -m chatbot bots signing-key club", server, tmp_path).split()[0]
    printed = typed("python -m chatbot keys create --bot club", server, tmp_path)
    key = printed.split()[0]
    found: dict[str, object] = {"SIGNING_KEY": signing}
    exec(blocks(PAGE, "python")[0].replace('"shop"', '"club"'), found)
    token = str(found["token"])
    assert jwt.decode(token, options={"verify_signature": False})["exp"] > time.time()
    wait_for(lambda: ask(server, key, "Hi", **{"X-Visitor-Token": token}).status == 200)
    assert ask(server, key, "Hi").json["error"]["code"] == "invalid_visitor_token"


def test_the_commands_about_limits_do_what_is_said(server, tmp_path):
    typed(f"python -m chatbot bots create shop --origin {ORIGIN} || true", server, tmp_path)
    first, _, usage, stops = blocks(LIMITS, "sh")
    assert re.search(r"^sk_\S+$", typed(first, server, tmp_path), re.M)
    lines = typed(usage, server, tmp_path).splitlines()
    head = "month,bot,key,model,requests,input_tokens,output_tokens,tokens"
    assert lines.count(head) == 2
    assert {len(line.split(",")) for line in lines} == {8}
    printed = typed(stops, server, tmp_path)
    said = [
        line for line in printed.splitlines() if line.startswith(("Stopped", "bot:shop", "Answers"))
    ]
    assert [line.split()[-1] for line in said] == ["end.", "0199.", "workers."]


def test_the_example_of_a_bots_limits_is_one(server, tmp_path):
    (example,) = blocks(LIMITS, "toml")
    (tmp_path / "bots.toml").write_text(example.replace('"shop"', '"limited"'))
    printed = typed("python -m chatbot apply bots.toml", server, tmp_path)
    assert "1 changed, 1 in the file." in printed
    assert "tokens_per_day = 200000" in printed
    assert "is too little" not in printed
    option = re.search(r"`(bots create) (--limit \w+=\d+)`", LIMITS)
    assert "is made" in typed(f"python -m chatbot {option[1]} other-limits {option[2]}", server, tmp_path)  # fmt: skip


def test_the_curl_lines_for_a_page_are_of_one_visitor(server, tmp_path):
    lines = blocks(LIMITS, "sh")[1].replace(":8000", f":{server.port}")
    typed(f"python -m chatbot bots create page --origin {ORIGIN} --limit visitor_requests_per_minute=7", server, tmp_path)  # fmt: skip
    key = typed("python -m chatbot keys create --bot page", server, tmp_path).split()[0]
    wait_for(lambda: ask(server, key, "Hi").status == 200)
    answer = typed(f"PAGE_KEY={key}\n{lines}", server, tmp_path)
    assert answer.startswith("HTTP/1.1 200")
    assert "X-RateLimit-Limit-Requests: 7" in answer
    assert "X-RateLimit-Remaining-Requests: 5" in answer


def test_the_messages_that_are_shown_are_those_that_are_sent():
    shown = [json.loads(text) for text in re.split(r"\n(?=\{)", blocks(LIMITS, "json")[0])]
    parts, takes, *_ = budgets_of("bot", "shop", (("tokens_per_day", 2000),))
    said = budgets._message(parts[0], takes[0])
    for rest in ({"percent": 80, "used": 1}, {"percent": 100, "used": 1}, {"needed": 3412}):
        sent, example = json.loads(budgets._body({**said, **rest})), shown.pop(0)
        assert sent["type"] == example["type"]
        assert list(sent["data"]) == list(example["data"])
        assert f"| `{sent['type']}` |" in LIMITS
    assert not shown


def test_the_table_of_limits_is_the_codes():
    rows = re.findall(r"^\|[^|]*\| `(\w+)` \| (\d+) \|", LIMITS, re.M)
    own = ("history_tokens", "facts_tokens", "question_chars")
    ours = [(n, str(v)) for n, v in vars(Limits()).items() if n not in own]
    assert rows == ours
    assert all(f"`{name}`" in LIMITS for name in KEY_LIMITS)
