"""`warehouse report`: one page for people, and what monitors read, on this machine only."""

from __future__ import annotations

import json
import re
import signal
import socket
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.warehouse.conftest import enrolment
from tests.warehouse.served import served

if TYPE_CHECKING:
    from pathlib import Path

    from tests.warehouse.conftest import Warehouse


def test_the_page_is_written_whole_and_asks_nobody(healthy: Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("old")
    healthy.run("report", "--output", f"{file}")
    page = unescape(file.read_text(encoding="utf-8"))
    assert "<h1>All is well</h1>" in page
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert not re.search(r"""(src|href)=(?!"#|"data:)""", page)
    assert len(page) < 1_500_000
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_it_can_go_to_the_standard_output(healthy: Warehouse) -> None:
    assert healthy.run("report", "--output", "-").startswith("<!doctype html>")


def test_it_tells_campuses_and_coalitions(healthy: Warehouse) -> None:
    healthy.land(
        "blocs", {"id": 3, "campus_id": 1, "cursus_id": 21, "coalitions": [{"id": 50}]}
    )
    healthy.land("coalitions", {"id": 50, "name": "Order", "score": 4321, "color": "#aa3355"})
    healthy.land("coalitions_users", {"id": 1, "coalition_id": 50, "user_id": 1, "score": 7})
    healthy.land("users", {"id": 1, "login": "a", "kind": "student", "active": True})
    healthy.land(
        "projects_users",
        enrolment(10, 1, validated=True, final_mark=125),
        enrolment(20, 2, validated=True, final_mark=100),
    )
    healthy.run("publish")
    text = " ".join(re.sub(r"<[^>]+>", " ", healthy.run("report", "--output", "-")).split())
    # Students, active ones, projects validated, average mark, badges.
    assert "Paris 2 1 2 112.5 0" in text
    # Rank, score, members, points.
    assert "Order Paris 42cursus 1 4,321 1 7" in text


@pytest.mark.slow
def test_coalitions_are_ranked_within_their_bloc(healthy: Warehouse) -> None:
    healthy.land("cursus", {"id": 9, "name": "C Piscine"})
    blocs = {3: (21, (50, 51)), 4: (9, (60, 61))}
    for bloc, (cursus, coalitions) in blocs.items():
        listed = [{"id": coalition} for coalition in coalitions]
        healthy.land(
            "blocs", {"id": bloc, "campus_id": 1, "cursus_id": cursus, "coalitions": listed}
        )
    for coalition, score in ((50, 900), (51, 500), (60, 700), (61, 100)):
        healthy.land("coalitions", {"id": coalition, "name": f"C{coalition}", "score": score})
    for number, coalition in enumerate((50, 50, 51, 60, 61)):
        healthy.land(
            "coalitions_users", {"id": number, "coalition_id": coalition, "user_id": 1}
        )
    healthy.run("publish")
    page = healthy.run("report", "--output", "-")
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert re.findall(r"(C\d\d) Paris ([\w ]+?) (\d) (\d+) ", text) == [
        ("C50", "42cursus", "1", "900"),
        ("C51", "42cursus", "2", "500"),
        ("C60", "C Piscine", "1", "700"),
        ("C61", "C Piscine", "2", "100"),
    ]


@pytest.mark.slow
def test_it_tells_what_was_left_out_by_id_only(healthy: Warehouse) -> None:
    healthy.land("projects_users", enrolment(30, 40404))
    healthy.land(
        "rejected_records",
        {
            "rejection_id": "x", "stream": "users", "record_id": "987",
            "reason": "login: missing", "rejected_at": datetime.now(UTC),
            "body": {"email": "somebody@example.org"},
        },
    )  # fmt: skip
    healthy.run("forget", "31337")
    page = healthy.run("report", "--output", "-")
    assert "31337" not in page
    for told in ("40404", "987", "login: missing", "forgotten"):
        assert told in page
    assert "somebody@example.org" not in page
    assert "person1" not in page


def test_before_init_the_page_says_to_run_it(empty: Warehouse) -> None:
    page = empty.run("report", "--output", "-")
    assert "<h1>Something is broken</h1>" in page
    assert "Run `warehouse init`" in page


def test_an_empty_database_has_a_page(warehouse: Warehouse) -> None:
    assert "Nothing was published yet." in warehouse.run("report", "--output", "-")


def test_where_it_cannot_be_written_it_says_so(healthy: Warehouse, tmp_path: Path) -> None:
    done = healthy.attempt("report", "--output", f"{tmp_path}/none/report.html")
    assert done.exit_code == 1
    assert "cannot be written: No such file or directory. Choose another file" in done.output


@pytest.mark.parametrize("options", [[], ["--serve", "--output", "x"]])
def test_it_must_be_told_one_thing_to_do(healthy: Warehouse, options: list[str]) -> None:
    done = healthy.attempt("report", *options)
    assert done.exit_code == 2
    assert "either --output FILE or --serve" in done.output


def test_it_is_served_fresh_with_health_and_metrics(healthy: Warehouse) -> None:
    with served(healthy.database) as (url, _):
        assert "All is well" in requests.get(url, timeout=20).text
        healthy.execute(
            "UPDATE ft42_raw.sync_runs SET started_at = started_at - interval '2 days'"
        )
        healthy.run("publish")

        assert "Something is broken" in requests.get(url, timeout=20).text

        health = requests.get(f"{url}health", timeout=20)
        assert health.status_code == 503
        assert health.json()["status"] == "broken"
        assert "stale:users" in {finding["key"] for finding in health.json()["findings"]}

        scraped = requests.get(f"{url}metrics", timeout=20)
        figures = {
            (sample.name, sample.labels.get("table") or sample.labels.get("key")): sample.value
            for family in text_string_to_metric_families(scraped.text)
            for sample in family.samples
        }
        assert figures["ft42_healthy", None] == 0
        assert figures["ft42_finding", "stale:users"] == 1
        assert figures["ft42_table_age_seconds", "users"] > 2 * 24 * 3600
        assert figures["ft42_table_allowed_age_seconds", "users"] == 45 * 60

        healthy.execute(
            "UPDATE ft42_raw.sync_runs SET started_at = started_at + interval '2 days'"
        )
        healthy.run("publish")
        assert requests.get(f"{url}health", timeout=20).status_code == 200


@pytest.mark.slow
def test_a_page_of_another_name_cannot_read_it(healthy: Warehouse) -> None:
    with served(healthy.database) as (url, _):
        for path in ("", "health", "metrics"):
            answer = requests.get(
                f"{url}{path}", headers={"Host": "evil.example:8042"}, timeout=20
            )
            assert answer.status_code == 421
            assert "users" not in answer.text
        assert requests.get(url, headers={"Host": "localhost:1"}, timeout=20).ok
        assert requests.get(f"{url}etc/passwd", timeout=20).status_code == 404
        assert requests.post(url, timeout=20).status_code == 501


def test_it_listens_on_this_machine_only(healthy: Warehouse) -> None:
    with served(healthy.database) as (url, _):
        port = int(url.rsplit(":", 1)[1].strip("/"))
        with pytest.raises(OSError, match="refused"), socket.socket() as probe:
            # 127.0.0.2 is this machine, too; who listens on all addresses would answer.
            probe.connect(("127.0.0.2", port))


@pytest.mark.slow
def test_a_server_that_stops_is_told_by_the_page_and_by_monitors(healthy: Warehouse) -> None:
    with served(healthy.database, TARGET_POSTGRES_PORT="1") as (url, _):
        assert "cannot be reached" in requests.get(url, timeout=20).text
        health = requests.get(f"{url}health", timeout=20)
        assert health.status_code == 503
        assert [finding["key"] for finding in health.json()["findings"]] == ["unreachable"]
        assert "ft42_healthy 0.0" in requests.get(f"{url}metrics", timeout=20).text


@pytest.mark.slow
def test_ctrl_c_ends_it_well(healthy: Warehouse) -> None:
    with served(healthy.database) as (_, process):
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        assert said.split() == ["Stopped"]


def test_a_port_that_is_taken_is_named(healthy: Warehouse) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = healthy.attempt("report", "--serve", "--port", f"{port}")
    assert done.exit_code == 1
    assert f"Port {port} of 127.0.0.1 is taken. Choose another one with --port." in done.output


def test_the_runs_and_what_they_cost_are_told(healthy: Warehouse) -> None:
    healthy.land_run(
        "costly", "users", age=timedelta(minutes=3), requests=4567, lower_bound=1234,
        outcome="early", reason="max_requests",
    )  # fmt: skip
    page = healthy.run("report", "--output", "-")
    for figure in ("4,567", "1,234", "early: max_requests"):
        assert figure in page
    assert json.loads(healthy.run("status", "--json"))["runs"][0]["requests"] == 4567
