"""`warehouse alert` posts what is newly wrong and what is over, once a cause."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from ft42_warehouse.webhook import Webhook

from tests.end_to_end.conftest import BIN
from tests.waiting import until
from tests.warehouse.conftest import LIVE, NIGHTLY, user
from tests.warehouse.hooked import SECRET, listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from tests.warehouse.conftest import Warehouse
    from tests.warehouse.hooked import Hook


class Alerts:
    """The command, a warehouse it looks at and a webhook it posts to."""

    def __init__(self, warehouse: Warehouse, hook: Hook, folder: Path) -> None:
        self.warehouse = warehouse
        self.hook = hook
        self.environment = {
            "WAREHOUSE_ALERT_URL": hook.url,
            "WAREHOUSE_ALERT_STATE": f"{folder}/alerts.json",
        }

    def attempt(self, *options: str, **environment: str) -> Result:
        """Run the command, which never names the secret."""
        done = self.warehouse.attempt("alert", *options, **(self.environment | environment))
        assert SECRET not in done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start the command as a process of its own."""
        return subprocess.Popen(
            [BIN / "warehouse", "alert"],
            env=os.environ | self.warehouse.database.environment | self.environment
            | environment,
        )  # fmt: skip

    def post(self, *options: str, **environment: str) -> dict[str, Any]:
        """Run the command, which must post once, and return what it posts."""
        done = self.attempt(*options, **environment)
        assert done.exit_code == 0, done.output
        (post,) = self.hook.taken()
        return post

    def news(self, *options: str, **environment: str) -> tuple[list[str], list[str]]:
        """Run the command; return the keys of what it tells as new and as over."""
        done = self.attempt(*options, **environment)
        assert done.exit_code == 0, done.output
        posts = self.hook.taken()
        assert len(posts) <= 1
        assert bool(posts) == ("Nothing new" not in done.output)
        return (
            [cause["key"] for post in posts for cause in post["new"]],
            [cause["key"] for post in posts for cause in post["over"]],
        )


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as hook:
        yield hook


@pytest.fixture
def alerts(healthy: Warehouse, hook: Hook, tmp_path: Path) -> Alerts:
    """A warehouse in which all is well."""
    return Alerts(healthy, hook, tmp_path)


def expire(warehouse: Warehouse, days: int) -> None:
    warehouse.execute(
        "UPDATE ft42_raw.sync_runs SET secret_valid_until = now() + %s * interval '1 day'", days
    )
    warehouse.run("publish")


def reject(warehouse: Warehouse, **columns: object) -> None:
    warehouse.land(
        "rejected_records",
        {
            "rejection_id": "x", "stream": "users", "record_id": "3",
            "reason": "login: missing", "rejected_at": datetime.now(UTC), **columns,
        },
    )  # fmt: skip


def grow_old(warehouse: Warehouse, interval: str) -> None:
    """Let time pass since the jobs began and ended."""
    warehouse.execute(
        "UPDATE ft42_warehouse.turns SET began_at = began_at - %s::interval, "
        "ended_at = ended_at - %s::interval",
        interval, interval,
    )  # fmt: skip


def test_where_all_is_well_nothing_is_posted(alerts: Alerts) -> None:
    assert alerts.news() == ([], [])


def test_a_cause_is_told_once_and_again_when_it_is_over(alerts: Alerts) -> None:
    expire(alerts.warehouse, 5)
    assert alerts.news() == (["secret-expires"], [])
    assert alerts.news() == ([], [])
    expire(alerts.warehouse, 28)
    assert alerts.news() == ([], ["secret-expires"])
    assert alerts.news() == ([], [])
    expire(alerts.warehouse, 5)
    assert alerts.news() == (["secret-expires"], [])
    rows = alerts.warehouse.query("SELECT * FROM ft42_warehouse.alerts ORDER BY told_at")
    assert [row["over_at"] is None for row in rows] == [False, True]


def test_what_is_told_says_what_to_do(alerts: Alerts) -> None:
    expire(alerts.warehouse, 5)
    post = alerts.post()
    (cause,) = post["new"]
    assert cause["severity"] == "warning"
    assert cause["what"] in post["text"]
    assert cause["advice"] in post["text"]
    assert post["text"].startswith("Database ft42: 1 new, 0 over\nWARNING: The application's")


def test_all_news_are_one_message(alerts: Alerts) -> None:
    expire(alerts.warehouse, 5)
    reject(alerts.warehouse)
    assert alerts.news() == (["secret-expires", "rejected:users"], [])
    alerts.warehouse.execute("UPDATE ft42_raw.sync_runs SET refusals = 3")
    expire(alerts.warehouse, 28)
    assert alerts.news() == (["too-many-requests"], ["secret-expires"])


def test_tables_that_are_stale_together_are_one_line(alerts: Alerts) -> None:
    post = alerts.post("--incremental-minutes", "5")
    assert {cause["key"] for cause in post["new"]} == {f"stale:{table}" for table in LIVE}
    assert post["text"].count("BROKEN") == 1
    assert "Likewise projects_users, users." in post["text"]
    over = alerts.post()
    assert over["text"].count("OVER") == 1
    ended = "OVER: stale (achievements_users, projects_users, users), reported at"
    assert ended in over["text"]


def test_a_failed_run_is_one_line_though_both_jobs_miss_it(alerts: Alerts) -> None:
    alerts.warehouse.land_run(
        "failed", *LIVE, *NIGHTLY, age=timedelta(minutes=4), outcome="failed",
        reason="CredentialsError",
    )  # fmt: skip
    post = alerts.post()
    assert {cause["key"] for cause in post["new"]} == {
        "run-failed:incremental",
        "run-failed:nightly",
    }
    assert post["text"].count("CredentialsError") == 1


def test_a_publish_that_the_guard_stopped_is_told(alerts: Alerts) -> None:
    alerts.warehouse.run("init", "--job", "nightly")
    alerts.warehouse.land("users", user(3, alumni=True))
    assert alerts.warehouse.attempt("publish", "--job", "nightly").exit_code == 1
    # Not a job that failed, too: it is the same cause.
    assert alerts.news("--after", "nightly") == (["delete-guard:users"], [])
    alerts.warehouse.run("publish", "--job", "nightly", "--allow-deletes")
    assert alerts.news() == ([], ["delete-guard:users"])


def test_a_job_that_ends_without_a_publish_has_failed(alerts: Alerts) -> None:
    alerts.warehouse.run("init", "--job", "nightly")
    assert alerts.news() == ([], [])  # it runs
    assert alerts.news("--after", "nightly") == (["job-failed:nightly"], [])
    alerts.warehouse.run("init", "--job", "nightly")
    assert alerts.news() == ([], [])
    alerts.warehouse.run("publish", "--job", "nightly")
    assert alerts.news("--after", "nightly") == ([], ["job-failed:nightly"])


@pytest.mark.parametrize(("job", "turn"), [("incremental", 15), ("nightly", 24 * 60)])
def test_a_failure_is_told_at_once_though_nobody_called_behind_the_turn_before(
    alerts: Alerts, job: str, turn: int
) -> None:
    alerts.warehouse.run("publish", "--job", job)
    # The next turn fails in its first minute, before anything notes that it began.
    grow_old(alerts.warehouse, f"{turn - 1} minutes")
    assert alerts.news("--after", job) == ([f"job-failed:{job}"], [])


def test_a_turn_whose_last_tasks_take_their_time_has_not_failed(alerts: Alerts) -> None:
    alerts.warehouse.run("publish", "--job", "incremental")
    grow_old(alerts.warehouse, "5 minutes")
    assert alerts.news("--after", "incremental") == ([], [])


def test_a_job_whose_init_fails_has_failed(alerts: Alerts) -> None:
    alerts.warehouse.execute("ALTER TABLE ft42_raw.rejected_records DROP COLUMN rejection_id")
    assert "lost its key" in alerts.warehouse.attempt("init", "--job", "nightly").output
    assert alerts.news("--after", "nightly") == (["job-failed:nightly"], [])


def test_a_job_that_fails_in_the_tap_is_told_by_what_the_tap_says(alerts: Alerts) -> None:
    alerts.warehouse.run("init", "--job", "incremental")
    alerts.warehouse.land_run(
        "failed", *LIVE, age=timedelta(0), outcome="failed", ended_at=datetime.now(UTC)
    )
    assert alerts.news("--after", "incremental") == (["run-failed:incremental"], [])


def test_a_job_that_runs_when_its_next_turn_is_due_is_told(alerts: Alerts) -> None:
    alerts.warehouse.run("init", "--job", "incremental")
    grow_old(alerts.warehouse, "14 minutes")
    assert alerts.news() == ([], [])
    grow_old(alerts.warehouse, "2 minutes")
    assert alerts.news() == (["running-late:incremental"], [])
    # The next one is refused by Meltano: that is no second cause.
    alerts.warehouse.run("init", "--job", "incremental")
    assert alerts.news("--after", "incremental") == ([], [])
    alerts.warehouse.run("publish", "--job", "incremental")
    assert alerts.news("--after", "incremental") == ([], ["running-late:incremental"])


def test_quarter_hours_that_a_night_holds_up_are_no_news(alerts: Alerts) -> None:
    alerts.warehouse.run("init", "--job", "nightly")
    alerts.warehouse.run("init", "--job", "incremental")
    assert alerts.news("--after", "incremental") == ([], [])
    alerts.warehouse.run("init", "--job", "incremental")  # and one that nobody ended
    grow_old(alerts.warehouse, "40 minutes")
    assert alerts.news() == ([], [])
    alerts.warehouse.run("publish", "--job", "nightly")
    assert alerts.news("--after", "nightly") == ([], [])


def test_a_turn_that_was_taken_for_failed_may_still_publish(alerts: Alerts) -> None:
    alerts.warehouse.run("init", "--job", "incremental")
    assert alerts.news("--after", "incremental") == (["job-failed:incremental"], [])
    alerts.warehouse.run("publish", "--job", "incremental")
    assert alerts.news() == ([], ["job-failed:incremental"])


@pytest.mark.parametrize("status", [302, 404, 429, 500])
def test_what_the_webhook_does_not_take_is_told_the_next_time(
    alerts: Alerts, status: int
) -> None:
    expire(alerts.warehouse, 5)
    with listening() as elsewhere:
        alerts.hook.status, alerts.hook.location = status, elsewhere.url
        failed = alerts.attempt()
        assert failed.exit_code == 1
        assert f"127.0.0.1 refused it with status {status}" in failed.output
        assert not elsewhere.posts
    alerts.hook.taken()
    alerts.hook.status = 204
    assert alerts.news() == (["secret-expires"], [])


def test_a_webhook_that_does_not_answer_is_a_clear_line(alerts: Alerts) -> None:
    expire(alerts.warehouse, 5)
    with listening() as gone:
        url = gone.url
    failed = alerts.attempt(WAREHOUSE_ALERT_URL=url)
    assert failed.exit_code == 1
    assert "127.0.0.1 could not be reached (ConnectionError)" in failed.output
    assert alerts.news() == (["secret-expires"], [])


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_webhook_that_nobody_vouches_for_gets_nothing(
    alerts: Alerts, tmp_path: Path, variable: str
) -> None:
    expire(alerts.warehouse, 5)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(f"{tmp_path}/authority.pem")
    with listening(authority) as hook:
        told_elsewhere = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
        untold = dict.fromkeys(told_elsewhere, "") | {"WAREHOUSE_ALERT_URL": hook.url}
        failed = alerts.attempt(**untold)
        assert failed.exit_code == 1
        assert "the certificate of 127.0.0.1 is not trusted" in failed.output
        assert not hook.posts
        missing = alerts.attempt(**(untold | {"SSL_CERT_FILE": "nowhere.pem"}))
        assert missing.exit_code == 1
        assert "could not be reached (OSError)" in missing.output
        # Nobody else's password goes along.
        netrc = tmp_path / "netrc"
        netrc.write_text("default login somebody password of-another-service")
        netrc.chmod(0o600)
        trusting = {variable: f"{tmp_path}/authority.pem", "NETRC": str(netrc)}
        told = alerts.attempt(**(untold | trusting))
        assert told.exit_code == 0, told.output
        assert len(hook.posts) == 1
        assert hook.authorized_by == [None]


@pytest.mark.parametrize(
    ("host", "taker"),
    [
        ("hooks.slack.com", "slack"),
        ("Discord.com", "discord"),
        ("discordapp.com:443", "discord"),
        ("hooks.slack.com.example.org", "json"),
        ("chat.example.org", "json"),
    ],
)
def test_the_host_tells_who_takes_the_message(host: str, taker: str) -> None:
    webhook = Webhook.at(f"https://{host}/{SECRET}")
    assert webhook.format == taker
    assert SECRET not in repr(webhook)
    assert Webhook.at(webhook.url, "slack").format == "slack"


def test_a_database_that_cannot_be_asked_is_told_once_and_when_it_answers(
    alerts: Alerts,
) -> None:
    expire(alerts.warehouse, 5)
    assert alerts.news() == (["secret-expires"], [])
    away = {"TARGET_POSTGRES_PASSWORD": "wrong"}
    alerts.hook.status = 500
    assert alerts.attempt(**away).exit_code == 1
    alerts.hook.taken()
    alerts.hook.status = 200
    post = alerts.post(**away)
    assert [cause["key"] for cause in post["new"]] == ["unreachable"]
    assert "127.0.0.1" not in post["text"]
    assert alerts.news(**away) == ([], [])
    # What was told before could not be looked for, so it is not over.
    assert alerts.news() == ([], ["unreachable"])
    assert alerts.news() == ([], [])


def test_another_database_is_another_cause(alerts: Alerts) -> None:
    assert alerts.news(TARGET_POSTGRES_PORT="1") == (["unreachable"], [])
    assert alerts.news() == ([], [])
    assert alerts.news(TARGET_POSTGRES_DATABASE="none") == (["unreachable"], [])


def test_a_database_that_was_not_prepared_is_told_once_and_when_it_is(
    empty: Warehouse, hook: Hook, tmp_path: Path
) -> None:
    alerts = Alerts(empty, hook, tmp_path)
    assert alerts.news() == (["not-prepared"], [])
    assert alerts.news() == ([], [])
    empty.run("init")
    assert alerts.news() == (["never-published"], ["not-prepared"])


def test_what_cannot_be_looked_for_is_not_over(alerts: Alerts) -> None:
    expire(alerts.warehouse, 5)
    assert alerts.news() == (["secret-expires"], [])
    alerts.warehouse.execute("DROP VIEW ft42.orphans")
    assert alerts.news() == (["missing:ft42.orphans"], [])
    alerts.warehouse.run("init")
    alerts.warehouse.run("publish")
    assert alerts.news() == ([], ["missing:ft42.orphans"])


def test_machines_that_call_at_the_same_time_tell_a_cause_once(
    alerts: Alerts, tmp_path: Path
) -> None:
    expire(alerts.warehouse, 5)
    alerts.hook.may_answer.clear()
    first = alerts.start()
    until(lambda: alerts.hook.posts)
    second = alerts.start(WAREHOUSE_ALERT_STATE=f"{tmp_path}/of another machine/alerts.json")
    until(lambda: len(alerts.hook.posts) > 1 or alerts.warehouse.waiting())
    alerts.hook.may_answer.set()
    assert [call.wait(timeout=60) for call in (first, second)] == [0, 0]
    assert len(alerts.hook.taken()) == 1


def test_calls_at_the_same_time_tell_once_that_the_database_is_away(alerts: Alerts) -> None:
    calls = [alerts.start(TARGET_POSTGRES_PASSWORD="wrong") for _ in range(4)]
    assert [call.wait(timeout=60) for call in calls] == [0, 0, 0, 0]
    assert len(alerts.hook.taken()) == 1


def hostile(alerts: Alerts) -> None:
    reject(alerts.warehouse, stream="<!here> & @everyone `x` *b* [y](z)", reason="_u_")


def test_slack_gets_a_text_that_calls_nobody(alerts: Alerts) -> None:
    hostile(alerts)
    post = alerts.post(WAREHOUSE_ALERT_FORMAT="slack")
    assert post.keys() == {"text", "mrkdwn"}
    assert post["mrkdwn"] is False
    assert "&lt;!here&gt; &amp; @\u200beveryone 'x'" in post["text"]
    assert "<" not in post["text"]


def test_discord_gets_a_text_that_calls_nobody(alerts: Alerts) -> None:
    hostile(alerts)
    post = alerts.post(WAREHOUSE_ALERT_FORMAT="discord")
    assert post["allowed_mentions"] == {"parse": []}
    assert "\\<!here\\> & @\u200beveryone 'x' \\*b\\* \\[y\\](z)" in post["content"]


def test_a_long_message_keeps_to_discords_limit_in_whole_words(alerts: Alerts) -> None:
    for number in range(60):
        reject(alerts.warehouse, rejection_id=f"{number}", stream=f"stream_{number}" * 4)
    content = alerts.post("--format", "discord")["content"]
    assert 1900 < len(content) <= 2000
    assert content.startswith("Database ft42: 60 new, 0 over\nWARNING: ")
    told, _, last = content.rpartition("\n")
    assert last == "… and more: see warehouse status."
    assert told.endswith(",")
    assert alerts.news() == ([], [])


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "WAREHOUSE_ALERT_URL is not set"),
        (f"http://hooks.slack.com/{SECRET}", "https://"),
        (f"ftp://127.0.0.1/{SECRET}", "https://"),
        (f"https:///{SECRET}", "https://"),
        (f"https://[{SECRET}", "https://"),
        (f"https://example.org:{SECRET}/", "https://"),
        (SECRET, "https://"),
    ],
)
def test_a_url_that_is_missing_or_not_safe_is_refused(
    alerts: Alerts, url: str, words: str
) -> None:
    refused = alerts.attempt(WAREHOUSE_ALERT_URL=url)
    assert refused.exit_code == 2
    assert words in refused.output
    assert not alerts.hook.posts


def test_nothing_of_a_person_is_posted(alerts: Alerts) -> None:
    body = {"id": 3, "login": "person3", "displayname": "Somebody Generated"}
    reject(alerts.warehouse, body=body)
    alerts.warehouse.execute("UPDATE ft42.users SET login = 'person99' WHERE id = 1")
    assert alerts.warehouse.attempt("check").exit_code == 1
    posted = str(alerts.post("--incremental-minutes", "5"))
    assert "person" not in posted.replace("persons", "")
    assert "Somebody" not in posted
    told = str(alerts.warehouse.query("SELECT * FROM ft42_warehouse.alerts"))
    assert "person" not in told.replace("persons", "")
