"""What a list can do is as declared until an answer shows otherwise, and that for a month."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from tap_ft42.declared.capabilities import Capabilities, read
from tap_ft42.streams.activity import AchievementsUsersStream, ProjectsUsersStream
from tap_ft42.streams.reference import AchievementsStream, BlocsStream, ProjectsStream

TODAY = date(2026, 11, 28)
LISTING = AchievementsUsersStream.listing
SEEN = {
    "is_allowed": False,
    "page_size": 50,
    "sorts": ("id",),
    "ranges": (),
    "longest_list": 25,
    "totals": "wrong",
    "ignored_filters": ("filter[cursus]",),
}


def test_a_list_is_assumed_to_do_what_is_declared() -> None:
    assert Capabilities.of(LISTING).sorts == ("id", "updated_at")
    assert Capabilities.of(ProjectsUsersStream.listing).sorts == ()
    assert Capabilities.of(BlocsStream.listing).ranges == ()
    assert Capabilities.of(AchievementsStream.listing).ranges == ("id", "updated_at")
    assert Capabilities.of(ProjectsStream.listing).page_size == 30
    assert Capabilities.of(LISTING).written() == {}


def test_what_was_observed_survives_the_state() -> None:
    seen = Capabilities.of(LISTING).corrected(TODAY, **SEEN)
    kept = json.loads(json.dumps(seen.written()))
    assert kept["page_size"] == {"is": 50, "on": "2026-11-28"}
    assert set(kept) == set(SEEN)
    assert read(LISTING, kept, TODAY) == seen
    assert {name: getattr(seen, name) for name in SEEN} == SEEN


def test_an_observation_counts_for_a_month_and_not_before_its_day() -> None:
    kept = Capabilities.of(LISTING).corrected(TODAY, page_size=50).written()
    assert read(LISTING, kept, TODAY + timedelta(days=29)).page_size == 50
    assert read(LISTING, kept, TODAY + timedelta(days=30)) == Capabilities.of(LISTING)
    assert read(LISTING, kept, TODAY - timedelta(days=1)) == Capabilities.of(LISTING)


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        {"page_size": 50},
        {"page_size": {"is": 0, "on": "2026-11-28"}},
        {"page_size": {"is": "50", "on": "2026-11-28"}},
        {"page_size": {"is": 50, "on": "yesterday"}},
        {"totals": {"is": "many", "on": "2026-11-28"}},
        {"sorts": {"is": [1], "on": "2026-11-28"}},
        {"observed": {"is": {}, "on": "2026-11-28"}},
        {"colour": {"is": "red", "on": "2026-11-28"}},
    ],
)
def test_what_somebody_else_wrote_into_the_state_says_nothing(kept: object) -> None:
    assert read(LISTING, kept, TODAY) == Capabilities.of(LISTING)
