"""Instants leave the tap as UTC, always written the same way, and are never moved."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tap.scripted import paged

if TYPE_CHECKING:
    from tests.tap.running import Tap
    from tests.tap.scripted import ScriptedApi

CURSUS = {"name": "", "slug": "", "kind": "main"}
WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
MINUTES_OF_A_DAY = 24 * 60

offsets = st.integers(1 - MINUTES_OF_A_DAY, MINUTES_OF_A_DAY - 1).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
# A day from the ends, so that no offset leads out of the calendar.
moments = st.datetimes(
    datetime(1, 1, 2), datetime(9999, 12, 30), timezones=offsets  # noqa: DTZ001 - a zone is drawn
)  # fmt: skip


@st.composite
def instants(draw: st.DrawFn) -> tuple[datetime, str]:
    """A moment, to the millisecond, and a way to write it."""
    precision = draw(st.sampled_from(["seconds", "milliseconds", "microseconds"]))
    moment = draw(moments)
    if precision == "seconds":
        moment = moment.replace(microsecond=0)
    text = moment.isoformat(timespec=precision)
    if moment.utcoffset() == timedelta(0) and draw(st.booleans()):
        text = text[:-6] + "Z"
    if draw(st.booleans()):
        text = text.replace("T", " ")
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000), text


@settings(
    max_examples=15,
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # a script is written anew for each example
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(drawn=st.lists(instants(), min_size=40, max_size=100))
def test_any_offset_and_precision_become_the_same_instant_in_utc(
    tap: Tap, api: ScriptedApi, drawn: list[tuple[datetime, str]]
) -> None:
    api.script["/v2/cursus"] = paged(
        [CURSUS | {"id": n, "created_at": text} for n, (_, text) in enumerate(drawn, 1)]
    )
    written = {
        row["id"]: row["created_at"]
        for row in tap.pointed_at(api).run("cursus").records("cursus")
    }
    assert len(written) == len(drawn)
    for number, (moment, _) in enumerate(drawn, 1):
        assert WRITTEN.fullmatch(written[number])
        assert datetime.fromisoformat(written[number]) == moment


def written_for(tap: Tap, api: ScriptedApi, *texts: str | None) -> list[str | None]:
    api.script["/v2/cursus"] = paged(
        [CURSUS | {"id": n, "created_at": text} for n, text in enumerate(texts, 1)],
    )
    run = tap.pointed_at(api).run("cursus", "rejected_records")
    return [row["created_at"] for row in run.records("cursus")]


def test_midnight_at_a_campus_is_a_moment_in_utc(tap: Tap, api: ScriptedApi) -> None:
    assert written_for(
        tap,
        api,
        "2028-12-11T00:00:00.000+01:00",
        "2028-12-11T00:00:00.000+10:30",
        "2028-12-11T00:00:00.000-08:00",
    ) == ["2028-12-10T23:00:00.000Z", "2028-12-10T13:30:00.000Z", "2028-12-11T08:00:00.000Z"]


def test_an_instant_that_is_written_right_stays_as_it_is(tap: Tap, api: ScriptedApi) -> None:
    assert written_for(tap, api, "2026-01-31T23:59:59.999Z", None) == [
        "2026-01-31T23:59:59.999Z",
        None,
    ]


def test_instants_compare_as_strings(tap: Tap, api: ScriptedApi) -> None:
    texts = [
        "2026-01-31T10:00:00+00:00",
        "2026-01-31T10:00:00.5Z",
        "2026-01-31T12:00:00.250+01:00",
        "0999-12-31T23:59:59Z",
    ]
    written = written_for(tap, api, *texts)
    as_strings = sorted(text for text in written if text)
    assert as_strings == sorted((text for text in written if text), key=datetime.fromisoformat)


@pytest.mark.few(2)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-02-30T00:00:00Z",
        "2026-01-31T10:00:00",
        "2026-01-31",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_a_text_that_is_no_instant_is_rejected_and_not_guessed_at(
    tap: Tap, api: ScriptedApi, text: str
) -> None:
    assert written_for(tap, api, text, "2026-01-31T10:00:00Z") == ["2026-01-31T10:00:00.000Z"]


def test_now_is_written_like_every_instant(tap: Tap, api: ScriptedApi) -> None:
    before = datetime.now(UTC)
    api.script["/v2/cursus"] = paged([{"id": "1"}])
    (rejected,) = (
        tap.pointed_at(api).run("cursus", "rejected_records").records("rejected_records")
    )
    assert WRITTEN.fullmatch(rejected["rejected_at"])
    rejected_at = datetime.fromisoformat(rejected["rejected_at"])
    assert before - timedelta(seconds=1) < rejected_at < before + timedelta(minutes=2)
