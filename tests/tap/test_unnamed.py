"""Rows too many for ids: those that went are found by the days they were created on."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from tap_ft42.census.packing import packed, packed_ids, unpacked, unpacked_ids

from tests.sandboxes import running_sandbox
from tests.tap.proofs import AT_ONCE, STUDENTS, a_day_later, asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.proofs import Row
    from tests.tap.running import Run, Tap

ENROLMENTS = "/v2/projects_users?filter[cursus]=21"
STREAMS = ("users", "projects_users", "census", "sync_runs")

MOST_IDS = 5_000


class Copy:
    """What is published of the enrolments: without those whose people are gone."""

    def __init__(self, tap: Tap, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self._tables: dict[str, dict[int, tuple[Row, datetime]]] = {
            "users": {},
            "projects_users": {},
        }
        self._tap = tap.pointed_at(sandbox, refresh_nights=7, **AT_ONCE)
        self._take(self._tap.run("campuses", *STREAMS))

    def night(self, **settings: object) -> int:
        """Read what a night reads, and return its requests."""
        self.sandbox.reset_requests()
        self._take(self._tap.run(*STREAMS, state=a_day_later(self.last.state), **settings))
        return asked(self.sandbox)

    def night_of_enrolments(self) -> None:
        """Read only the enrolments, as half of a job that is shared out."""
        state = a_day_later(self.last.state)
        self._take(self._tap.run(*STREAMS[1:], state=state))

    def forget_refusals(self) -> None:
        """Let a month pass, after which what was refused is asked for again."""
        state = copy.deepcopy(self.last.state)
        for stream in ("projects_users", "users"):
            state["bookmarks"][stream].pop("capabilities", None)
        self.last.messages.append({"type": "STATE", "value": state})

    @property
    def audit(self) -> Row:
        """What the last night found by the day."""
        (told,) = self.last.records("sync_runs")
        (found,) = [one for one in told["audits"] if one["stream"] == "projects_users"]
        return dict(found)

    @property
    def landed(self) -> int:
        """How many enrolments there are, those of people who are no students included."""
        return len(self._tables["projects_users"])

    @property
    def rows(self) -> dict[int, Row]:
        """The enrolments of those who are there."""
        people = self._tables["users"]
        table = self._tables["projects_users"]
        return {number: row for number, (row, _) in table.items() if row["user_id"] in people}

    @property
    def truth(self) -> set[int]:
        """The enrolments of students."""
        people = {row["id"] for row in self.sandbox.truth_of(STUDENTS, columns="id")}
        rows = self.sandbox.truth_of(ENROLMENTS, columns="id,user_id")
        return {row["id"] for row in rows if row["user_id"] in people}

    def a_finished_one(self, like: int) -> int:
        """Return an enrolment that is finished, of some age, and that 42 still has."""
        done = {row for row, told in self.rows.items() if told["status"] == "finished"}
        return sorted(done & self.truth)[like]

    def by_day(self, status: str) -> dict[int, list[Row]]:
        """The enrolments of a status, by the day of their creation."""
        found: dict[int, list[Row]] = {}
        for row in self.rows.values():
            if row["status"] == status:
                day = datetime.fromisoformat(row["created_at"]).toordinal()
                found.setdefault(day, []).append(row)
        return found

    def insert_unseen(self, like: Row, **changes: object) -> int:
        """Let 42 have a row that no window has brought: it is said to be old."""
        names = ("user_id", "project_id", "cursus_id", "occurrence", "marked", "status")
        values = {name: like[name] for name in names}
        values |= {"created_at": like["created_at"], "updated_at": like["created_at"]}
        return self.sandbox.insert("projects_users", **values | changes)

    def _take(self, run: Run) -> None:
        self.last = run
        for message in run.messages:
            if message["type"] == "RECORD" and message["stream"] in self._tables:
                extracted = datetime.fromisoformat(message["time_extracted"])
                row = message["record"]
                self._tables[message["stream"]][row["id"]] = row, extracted
        for proof in run.records("census"):
            if proof["ids"] is None or proof["stream"] not in self._tables:
                continue
            table, ids = self._tables[proof["stream"]], set(proof["ids"])
            at = datetime.fromisoformat(proof["counted_at"])
            for number in [
                row for row in table if proof["first_id"] <= row <= proof["last_id"]
            ]:
                if number not in ids and table[number][1] < at:
                    del table[number]


@pytest.fixture(scope="module")
def here(tap: Tap) -> Iterator[Copy]:
    """A copy of more enrolments than a state has room for."""
    world: dict[str, Any] = {"users": 175, "enrolments": 7_000, "achievements_per_user": 0}
    with running_sandbox(**world) as sandbox:
        yield Copy(replace(tap, most_ids=MOST_IDS), sandbox)


def test_what_is_finished_and_goes_by_itself_is_found_in_a_night(here: Copy) -> None:
    assert here.landed > MOST_IDS
    for like in (9, 1_500, 3_500):
        here.sandbox.delete("projects_users", here.a_finished_one(like))
    assert here.night() < 25
    assert set(here.rows) == here.truth
    assert here.audit["gone"] == 3
    assert here.audit["unsettled"] == 0


def test_an_open_row_whose_id_lies_beyond_those_of_its_finished_ones_stays(
    here: Copy,
) -> None:
    like = here.rows[here.a_finished_one(2_500)]
    names = ("user_id", "project_id", "cursus_id", "occurrence", "marked")
    values = {name: like[name] for name in names}
    statuses = ("in_progress", "finished", "finished", "finished", "in_progress")
    new = [here.sandbox.insert("projects_users", status=one, **values) for one in statuses]
    here.night()
    here.sandbox.delete("projects_users", new[2])
    assert here.night() < 25
    assert set(here.rows) == here.truth
    assert {new[0], new[-1]} <= set(here.rows)
    assert here.audit["gone"] == 1


def test_an_open_one_that_came_unseen_does_not_hide_a_finished_one_that_went(
    here: Copy,
) -> None:
    gone = here.rows[here.a_finished_one(1_000)]
    here.sandbox.delete("projects_users", gone["id"])
    names = ("user_id", "project_id", "cursus_id", "occurrence", "marked", "created_at")
    values = {name: gone[name] for name in names}
    values |= {"status": "in_progress", "updated_at": gone["created_at"]}
    came = here.sandbox.insert("projects_users", **values)
    assert here.night() < 35
    assert set(here.rows) == here.truth
    assert came in here.rows
    assert here.audit["gone"] == here.audit["missing"] == 1


def test_a_finished_one_that_came_unseen_is_read_where_two_went(here: Copy) -> None:
    done = here.by_day("finished")
    day = next(day for day in sorted(done)[100:] if len(done[day]) > 2)
    for row in done[day][:2]:
        here.sandbox.delete("projects_users", row["id"])
    came = here.insert_unseen(done[day][2])
    assert here.night() < 35
    assert set(here.rows) == here.truth
    assert came in here.rows


def test_a_day_that_lies_between_days_that_are_read_keeps_its_turn(here: Copy) -> None:
    done = here.by_day("finished")
    between = next(day for day in sorted(done) if done.get(day - 1) and done.get(day + 1))
    here.sandbox.delete("projects_users", done[between][0]["id"])
    for day in (between - 1, between + 1):
        here.insert_unseen(done[day][0])
    for most in range(2, 12):  # one of them suffices for a page, and not for two
        here.night(census_requests=most)
    here.night()
    assert set(here.rows) == here.truth


def test_a_row_that_went_from_a_day_that_is_read_for_another_one_keeps_its_turn(
    here: Copy,
) -> None:
    done, underway = here.by_day("finished"), here.by_day("in_progress")
    days = [day for day in sorted(done) if len(done[day]) > 1 and day in underway]
    for day in days[1:4]:
        here.sandbox.delete("projects_users", done[day][0]["id"])
        here.insert_unseen(underway[day][0])
    for most in range(2, 12):
        here.night(census_requests=most)
        here.night(census_requests=1)
    here.night()
    assert set(here.rows) == here.truth


def test_nobody_who_is_there_is_taken_for_gone_as_rows_of_others_go_on_all_their_days(
    here: Copy,
) -> None:
    others: dict[int, list[list[int]]] = {}
    for rows in here.by_day("finished").values():
        owners = [row["user_id"] for row in rows]
        for person in owners:
            others.setdefault(person, []).append(
                [row["id"] for row in rows if row["user_id"] != person]
                if owners.count(person) == 1
                else []
            )
    some = [days for days in others.values() if len(days) > 6 and all(days)]
    for there, *_ in min(some, key=len):
        here.sandbox.delete("projects_users", there)
    here.night()
    assert set(here.rows) == here.truth
    assert here.audit["along"] == 0


def test_what_goes_in_the_night_in_which_people_go_is_found_in_that_night(here: Copy) -> None:
    here.sandbox.delete("projects_users", here.a_finished_one(2_000))
    here.sandbox.live(seed=3, events={"disappear": 3, "graduate": 2})
    assert here.night() < 40
    assert set(here.rows) == here.truth
    assert here.audit["along"] > 20
    assert here.audit["unsettled"] == 0


def test_where_42_cannot_tell_whose_rows_are_there_known_leavers_take_theirs_along(
    here: Copy,
) -> None:
    here.sandbox.fault("missing", route="/v2/projects_users", query="filter[user_id]")
    here.sandbox.live(seed=9, events={"disappear": 2, "graduate": 1})
    here.night()
    here.sandbox.clear_faults()
    assert set(here.rows) == here.truth
    assert here.audit["along"] > 20
    assert here.audit["unsettled"] == 0


def test_a_night_that_does_not_read_people_finds_what_goes_as_they_go(here: Copy) -> None:
    here.sandbox.delete("projects_users", here.a_finished_one(1_000))
    here.sandbox.live(seed=4, events={"disappear": 4, "graduate": 1})
    here.night_of_enrolments()
    assert here.audit["along"] > 40
    assert here.audit["unsettled"] == 0
    here.night()
    assert set(here.rows) == here.truth


def test_who_went_while_42_did_not_count_costs_no_hundreds_of_requests_once_it_does(
    here: Copy,
) -> None:
    here.sandbox.configure(graphs="refused")
    for seed in (5, 6):
        here.sandbox.live(seed=seed, events={"disappear": 2, "unregister": 3, "mark": 5})
        assert here.night() < 200
        assert set(here.rows) == here.truth
    here.sandbox.configure(graphs="answered")
    here.forget_refusals()
    assert here.night() < 100
    assert here.audit["unsettled"] == 0
    assert set(here.rows) == here.truth


def test_without_a_graph_what_goes_in_the_night_in_which_people_go_is_found_or_told(
    here: Copy,
) -> None:
    here.sandbox.configure(graphs="refused")
    here.sandbox.live(seed=8, events={"disappear": 3, "graduate": 3})
    for like in range(200, 2_200, 400):
        here.sandbox.delete("projects_users", here.a_finished_one(like))
    for _ in range(4):
        here.night()
        fewer = [one for one in here.last.warnings if "fewer row" in one]
        assert fewer or set(here.rows) == here.truth
        assert bool(fewer) == (here.audit["unsettled"] > 0)
    assert not fewer
    assert set(here.rows) == here.truth


def test_a_difference_whose_days_no_request_is_left_to_find_is_told(here: Copy) -> None:
    here.sandbox.configure(graphs="refused")
    here.sandbox.delete("projects_users", here.a_finished_one(250))
    here.night(census_requests=12)
    assert any("42 counts 1 fewer row than are known" in one for one in here.last.warnings)
    here.night()
    assert set(here.rows) == here.truth


def test_without_a_graph_rows_of_a_merged_account_are_not_taken_for_gone(here: Copy) -> None:
    here.sandbox.configure(graphs="refused")
    here.night()
    rows = here.rows.values()
    kept, merged, *_ = sorted({row["user_id"] for row in rows if row["status"] == "finished"})
    own = [row for row in rows if row["user_id"] == merged]
    for row in own:
        here.sandbox.update("projects_users", row["id"], user_id=kept)
    here.sandbox.delete("users", merged)
    done = sum(row["status"] == "finished" for row in own)
    for like in range(100, 100 + 30 * done, 30):  # as many, so that the total agrees
        here.sandbox.delete("projects_users", here.a_finished_one(like))
    for _ in range(5):
        here.night()
        told = [one for one in here.last.warnings if "than are known" in one]
        assert told or set(here.rows) == here.truth
    assert set(here.rows) == here.truth


@pytest.mark.parametrize("owners", [None, {"people": "damaged"}])
def test_where_the_state_does_not_say_whose_rows_are_the_days_that_lack_some_are_read(
    here: Copy, owners: Row | None
) -> None:
    here.sandbox.configure(graphs="answered")
    here.forget_refusals()
    state = copy.deepcopy(here.last.state)
    state["bookmarks"]["projects_users"]["census"]["owners"] = owners
    here.last.messages.append({"type": "STATE", "value": state})
    here.sandbox.delete("projects_users", here.a_finished_one(1_500))
    here.sandbox.live(seed=7, events={"disappear": 1})
    for _ in range(4):
        here.night()
    assert set(here.rows) == here.truth
    assert here.audit["unsettled"] == 0


def test_a_night_without_requests_left_warns_of_no_difference_where_there_is_none(
    here: Copy,
) -> None:
    here.sandbox.configure(graphs="refused")
    here.night(census_requests=4)
    assert set(here.rows) == here.truth
    assert not any("42 counts 0 " in one for one in here.last.warnings)


def test_memberships_that_went_with_people_are_no_reason_to_warn(tap: Tap) -> None:
    streams = ("coalitions", "coalitions_users", "census")
    with running_sandbox(users=400, enrolments=0, achievements_per_user=0) as sandbox:
        here = replace(tap, most_ids=200).pointed_at(sandbox, **AT_ONCE)
        first = here.run(*streams)
        assert len(first.ids("coalitions_users")) > 200
        for number in first.ids("coalitions_users")[:9]:
            sandbox.delete("coalitions_users", number)
        night = here.run(*streams, state=a_day_later(first.state), census_requests=40)
    assert "42 counts 9 fewer rows than are known. People who left" in night.log
    assert not [one for one in night.warnings if "fewer" in one]


@pytest.fixture(scope="module")
def busy(tap: Tap) -> Iterator[Copy]:
    """A copy of enrolments of which a hundred are open on each of twenty days."""
    world: dict[str, Any] = {"users": 175, "enrolments": 7_000, "achievements_per_user": 0}
    with running_sandbox(**world) as sandbox:
        done = sandbox.truth_of(f"{ENROLMENTS}&filter[status]=finished", columns="id")
        for place, row in enumerate(done[:2_000]):
            day = f"2026-03-{1 + place // 100:02}T12:00:00.000Z"
            sandbox.update(
                "projects_users", row["id"], silent=True, created_at=day, status="in_progress"
            )
        yield Copy(replace(tap, most_ids=MOST_IDS), sandbox)


PAGES = {"page_size": 10, "refresh_nights": 0}


def some_of_each_day(busy: Copy, *places: int) -> None:
    """Let some open rows of each of the days go."""
    for day, rows in busy.by_day("in_progress").items():
        if datetime.fromordinal(day).month == 3 and len(rows) > 50:
            for place in places:
                busy.sandbox.delete("projects_users", rows[place]["id"])


def test_open_rows_that_go_on_many_days_are_looked_for_by_their_projects(busy: Copy) -> None:
    some_of_each_day(busy, 7)
    assert busy.night(**PAGES) < 60
    assert set(busy.rows) == busy.truth
    assert busy.audit["gone"] >= 15


@pytest.mark.parametrize(("first", "page_size", "most"), [(2, 10, 95), (1, 4, 140)])
def test_many_open_rows_of_a_day_are_looked_for_in_several_deals_of_the_projects(
    busy: Copy, first: int, page_size: int, most: int
) -> None:
    some_of_each_day(busy, *range(first, 42, 7))
    assert busy.night(refresh_nights=0, page_size=page_size) < most
    assert set(busy.rows) == busy.truth
    assert busy.audit["gone"] >= 90


def test_what_an_older_version_remembers_of_projects_is_of_use(busy: Copy) -> None:
    state = copy.deepcopy(busy.last.state)
    kept = state["bookmarks"]["projects_users"]["census"]
    kept["shares"] = packed((number - 17) % 16 + 1 for number in unpacked(kept["shares"]))
    busy.last.messages.append({"type": "STATE", "value": state})
    some_of_each_day(busy, 15)
    assert busy.night(**PAGES) < 60
    assert set(busy.rows) == busy.truth


def test_where_42_does_not_count_by_project_each_day_is_searched(busy: Copy) -> None:
    graph = "/v2/projects_users/graph/on/:field/by/:interval"
    busy.sandbox.fault("missing", route=graph, query="filter[project_id]")
    some_of_each_day(busy, 9)
    assert busy.night(**PAGES) > 70
    assert "42 does not narrow it by filter[project_id]" in busy.last.log
    some_of_each_day(busy, 11)
    busy.night(**PAGES)
    busy.sandbox.clear_faults()
    assert "filter[project_id]" not in busy.last.log  # it is remembered for a month
    assert set(busy.rows) == busy.truth


@pytest.mark.parametrize("place", [13, 17])
def test_a_day_whose_projects_do_not_add_up_to_it_is_searched_as_a_whole(
    busy: Copy, place: int
) -> None:
    busy.forget_refusals()
    state = copy.deepcopy(busy.last.state)
    kept = state["bookmarks"]["projects_users"]["census"]
    kept["kinds"] = packed_ids(unpacked_ids(kept["kinds"])[1::2])
    if place == 17:  # as if an older version had written it
        del kept["kinds"], kept["shares"]
    busy.last.messages.append({"type": "STATE", "value": state})
    some_of_each_day(busy, place)
    busy.night(**PAGES)
    assert set(busy.rows) == busy.truth


def test_days_with_rows_of_unknown_projects_do_not_tell_that_42_ignores_projects(
    busy: Copy,
) -> None:
    busy.forget_refusals()
    state = copy.deepcopy(busy.last.state)
    kept = state["bookmarks"]["projects_users"]["census"]
    kept["kinds"] = packed_ids([1, 2, 3])  # an older version found rows of more projects
    kept.pop("shares", None)
    busy.last.messages.append({"type": "STATE", "value": state})
    some_of_each_day(busy, 19)
    busy.night(**PAGES)
    assert set(busy.rows) == busy.truth
    assert "filter[project_id]" not in busy.last.log
