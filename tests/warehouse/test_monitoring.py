"""The rules for Prometheus and Grafana's dashboard read figures that there are."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
from typing import Any

import promql_parser
import pytest
import yaml
from ft42_warehouse import metrics

from tests.known_files import ROOT

FOLDER = ROOT / "target-config/monitoring"
_FIGURE = re.compile(r"\b(?:ft42_\w+|up)\b")
_DURATION = re.compile(r"\d+[smhd]")
_LABELS = {"key", "severity", "table", "job", "stream"}


def rules() -> list[dict[str, Any]]:
    read = yaml.safe_load((FOLDER / "ft42.rules.yml").read_text(encoding="utf-8"))
    (group,) = read["groups"]
    assert set(group) == {"name", "rules"}
    found: list[dict[str, Any]] = group["rules"]
    return found


def dashboard() -> dict[str, Any]:
    text = (FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8")
    read: dict[str, Any] = json.loads(text)
    return read


def expressions() -> list[str]:
    targets = [target for panel in dashboard()["panels"] for target in panel["targets"]]
    return [rule["expr"] for rule in rules()] + [target["expr"] for target in targets]


def known() -> set[str]:
    """Return the figures that a scrape has, as its module names them."""
    source = inspect.getsource(metrics)
    named = set(re.findall(r'"(ft42_\w+)"', source))
    for prefix, suffix, listed in (
        ("ft42_run_", "", ("requests", "lower_bound", "seconds", "rows")),
        ("ft42_", "", ("requests_last_hour", "requests_per_hour", "refusals_last_day")),
        ("ft42_rows_", "_last_day", ("inserted", "changed", "deleted")),
    ):
        assert all(f'"{name}"' in source for name in listed)
        named |= {f"{prefix}{name}{suffix}" for name in listed}
    return named | {"up"}


@pytest.mark.parametrize("expression", expressions())
def test_prometheus_can_read_each_expression_and_has_its_figures(expression: str) -> None:
    assert promql_parser.parse(expression)
    asked = set(_FIGURE.findall(re.sub(r'"[^"]*"', "", expression)))
    assert asked
    assert asked <= known()


def test_each_rule_has_what_prometheus_wants() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"[A-Za-z_]\w*", rule["alert"])
        assert _DURATION.fullmatch(rule["for"])
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description"}
        named = re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))
        assert set(named) <= _LABELS


def test_the_panels_stand_beside_each_other_and_ask_the_chosen_prometheus() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    (variable,) = dashboard()["templating"]["list"]
    asked = f"${{{variable['name']}}}"
    for panel in panels:
        assert panel["datasource"]["uid"] == asked
        assert all(target["datasource"]["uid"] == asked for target in panel["targets"])
        named = re.findall(r"\{\{(\w+)\}\}", str(panel["targets"]))
        assert set(named) <= _LABELS


def test_the_scrape_asks_where_the_report_is_served() -> None:
    read = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    (scrape,) = read["scrape_configs"]
    assert scrape["job_name"] == "ft42"
    assert scrape["honor_labels"], "else `job` would be the scrape's"
    assert scrape["static_configs"] == [{"targets": ["127.0.0.1:8042"]}]
    assert read["rule_files"] == ["ft42.rules.yml"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no Prometheus")
@pytest.mark.parametrize(
    ("what", "file"), [("rules", "ft42.rules.yml"), ("config", "prometheus.yml")]
)
def test_prometheus_takes_the_files(what: str, file: str) -> None:
    done = subprocess.run(
        ["promtool", "check", what, FOLDER / file],  # noqa: S607 - the machine's
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
