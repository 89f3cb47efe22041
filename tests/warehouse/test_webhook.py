"""What `warehouse alert` posts, to whom, and what it does where nobody takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme
from ft42_warehouse.webhook import Webhook

from tests.warehouse.hooked import SECRET, expire, listening, reject

if TYPE_CHECKING:
    from pathlib import Path

    from tests.warehouse.hooked import Alerts


@pytest.mark.slow
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


@pytest.mark.few(1)
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


@pytest.mark.slow
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
