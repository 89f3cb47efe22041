"""A list that only the routes of its parents show, and no route as a whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.copies import CopiedTap, copied, sandbox_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.copies import Copy

pytestmark = pytest.mark.slow

NESTED = {
    "tap-ft42/tap_ft42/streams/locations.py": (
        ('path="/v2/locations"', 'path="/v2/campus/{campus_id}/locations"'),
        (
            'campus_filter="filter[campus_id]"',
            'parent=CampusesStream.listing, parent_id="campus_id"',
        ),
        (
            "\n\n\nclass",
            "\nfrom tap_ft42.streams.reference import CampusesStream\n\n\nclass",
        ),
    ),
    "schemas/locations.json": (
        ('"x-primary-key"', '"x-partition": "campus_id", "x-primary-key"'),
    ),
    "sandbox/ft42_sandbox/endpoints/locations.py": (
        (
            'Listing("/v2/locations", MODEL)',
            'Listing("/v2/campus/:id/locations", MODEL, "campus", SCOPE)',
        ),
        ("import Model", "import Model, rows_of"),
        ("\nENDPOINT", '\nSCOPE = rows_of("locations", "campus_id")\nENDPOINT'),
    ),
}
"""What makes the list of seats one of each campus."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    made = copied(tmp_path_factory.mktemp("project"), "locations")
    for place, changes in NESTED.items():
        file = made.root / place
        text = file.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        file.write_text(text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def there(copy: Copy) -> Iterator[RunningSandbox]:
    """The sandbox of the copy."""
    with sandbox_of(copy, users=60, enrolments=60, achievements_per_user=0) as running:
        yield running


def state_of(messages: list[dict[str, Any]]) -> dict[str, Any]:
    *_, last = (each["value"] for each in messages if each["type"] == "STATE")
    found: dict[str, Any] = json.loads(json.dumps(last))
    return found


def test_the_night_after_its_load_asks_for_no_route_over_all(
    copy: Copy, there: RunningSandbox, tmp_path: Path
) -> None:
    tap = CopiedTap.at(there, copy, tmp_path, census_hour=0)
    loaded = tap.run("campuses", "locations", "census")
    assert any(each.get("stream") == "locations" for each in loaded)
    there.control("POST", "clock", {"move": 90_000})
    there.delete("locations", min(row["id"] for row in there.truth("locations")))
    there.reset_requests()
    tap.run("campuses", "locations", "census", state=state_of(loaded))
    asked = {route for route in there.requests()["routes"] if route.startswith("GET /v2")}
    assert asked == {"GET /v2/campus", "GET /v2/campus/:id/locations"}
    assert not [route for route in there.requests()["routes"] if route.endswith(" /")]
