"""Each alert asks for what is there, by labels and thresholds that are there, and has its page for whoever is woken."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml

from chatbot.cli import main
from chatbot.metrics.families import FAMILIES, HISTOGRAM
from tests.metrics.prometheus import Metrics
from tests.server import ROOT, Client, running

FILE = ROOT / "deploy" / "prometheus-alerts.yml"
RULES = {rule["alert"]: rule for rule in yaml.safe_load(FILE.read_text())["groups"][0]["rules"]}
PAGE = (ROOT / "docs" / "runbook.md").read_text()
NAME = re.compile(r"\b(?:gen_ai_server|chatbot)_\w+|\bup\b")
DOCS = (ROOT / "docs" / "metrics.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (counter|gauge|histogram) \|([\w` ]*)\| ", re.M)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    with running(tmp_path_factory.mktemp("alerts")) as server, Client(server.port) as client:
        return Metrics(client.get("/metrics").body.decode())


@pytest.mark.parametrize("name", RULES)
def test_an_alert_asks_for_metrics_and_labels_that_are_there(shown, name):
    expression = RULES[name]["expr"]
    asked = NAME.findall(re.sub(r"\{.*?\}|by \(.*?\)", "", expression))
    assert asked
    labels = {"instance", "job"}
    for metric in asked:
        base = re.sub(r"_(bucket|count|sum)$", "", metric)
        kind = shown.types.get(base) if base != metric else shown.types.get(metric)
        assert metric == "up" or kind, metric
        is_now = metric == "up" or kind == "gauge"
        assert is_now or re.search(rf"(rate|increase)\({metric}", expression), (
            "what only rises is rated"
        )
        labels |= {"le"} if metric.endswith("_bucket") else set()
        labels |= set(documented().get(base, (None, set()))[1])
    used = re.findall(r"(\w+)(?:!?=~?)\"", expression)
    for group in re.findall(r"by \((.*?)\)", expression):
        used += group.split(", ")
    assert set(used) <= labels, name


@pytest.mark.parametrize("name", [n for n in RULES if "quantile" in RULES[n]["expr"]])
def test_a_threshold_of_a_quantile_is_the_end_of_a_bucket(name):
    """Between two ends a quantile is a guess."""
    expression = RULES[name]["expr"]
    family = next(f for f in FAMILIES if f.name in expression)
    assert family.kind == HISTOGRAM
    assert float(expression.rsplit("> ", 1)[1]) in family.buckets


def test_each_alert_has_its_page_and_each_page_its_alert():
    headings = re.findall(r"^## (\w+)$", PAGE, re.M)
    assert headings == list(RULES)
    for name, rule in RULES.items():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("page", "warning")
    for anchor in re.findall(r"\]\(#(\w+)\)", PAGE):
        assert anchor in [h.lower() for h in headings]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")
def test_prometheus_takes_the_rules():
    subprocess.run(["promtool", "check", "rules", str(FILE)], check=True)


def test_every_log_line_that_the_page_names_is_one_of_ours():
    ours = "".join(file.read_text() for file in (ROOT / "chatbot").rglob("*.py"))
    named = re.findall(r"lines? `(\w+)`", PAGE + DOCS)
    assert len(named) >= 5
    for name in named:
        assert f'"{name}"' in ours, name


def test_every_command_in_the_pages_is_one_with_such_options():
    named = re.findall(r"python -m chatbot (\w+)((?: --[\w-]+)*)", PAGE + DOCS)
    assert named
    for name, options in named:
        known = {opt for param in main.commands[name].params for opt in param.opts}
        assert set(options.split()) <= known, name


def documented():
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in ROW.findall(DOCS)}  # fmt: skip


def test_the_table_of_metrics_is_the_one_that_is_shown(shown):
    assert {name: kind for name, (kind, _) in documented().items()} == shown.types
    for name, samples in shown.samples.items():
        base = re.sub(r"_(bucket|count|sum)$", "", name) if name not in shown.types else name
        for labels, _ in samples:
            assert set(labels) - {"le"} == documented()[base][1], name
    for family in FAMILIES:
        assert set(family.labels) == documented()[family.name][1]


def test_the_example_for_prometheus_loads_and_names_the_job_that_alerts_ask_for():
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", DOCS, re.S)[1])
    assert example["scrape_configs"][0]["job_name"] == "chatbot"
    assert example["rule_files"] == [FILE.name]
