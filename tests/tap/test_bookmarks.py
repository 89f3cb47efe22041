"""Which rows a run reads: those that changed, none twice without need, none never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tap_ft42.declared.listing import Cursor
from tap_ft42.planning.bookmarks import level

from tests.tap.pretended import Pretended, dated
from tests.tap.scripted import paged

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

State = dict[str, Any]

PARIS, SEOUL = 1, 29
USERS = "/v2/cursus/21/users"
STUDENTS = f"{USERS}?filter[kind]=student&filter[alumni?]=false"
INCREMENTAL = ("users", "projects", "projects_users", "achievements_users", "campus_users")
BOOKMARK = "2026-01-31T10:00:00.000Z"
AT_ONCE: dict[str, Any] = {"settle_seconds": 0, "overlap_seconds": 0}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def bookmark_of(state: State, stream: str) -> str:
    bookmark: str = state["bookmarks"][stream]["replication_key_value"]
    return bookmark


def bookmarks_by_campus(state: State) -> dict[int, str]:
    return {
        partition["context"]["campus_id"]: partition["replication_key_value"]
        for partition in state["bookmarks"]["projects_users"]["partitions"]
    }


def every_bookmark(state: State) -> dict[tuple[str, str], str]:
    """The bookmarks of all streams and partitions."""
    return {
        (stream, str(part.get("context"))): part["replication_key_value"]
        for stream, whole in state["bookmarks"].items()
        for part in (whole, *whole.get("partitions", ()))
        if "replication_key_value" in part
    }


def rows_at(sandbox: RunningSandbox, path: str, moment: str) -> set[int]:
    return {row["id"] for row in sandbox.truth_of(path) if row["updated_at"] == moment}


@pytest.fixture(scope="module")
def here(tap: Tap, mutable: RunningSandbox) -> Tap:
    return tap.pointed_at(mutable)


@pytest.fixture(scope="module")
def whole(tap: Tap, quiet_sandbox: RunningSandbox) -> Run:
    """A first load of what nobody changes."""
    return tap.pointed_at(quiet_sandbox).run(*INCREMENTAL, **AT_ONCE)


class TestLoads:
    """Loads one after the other from a sandbox that changes in between."""

    @pytest.fixture
    def first(self, here: Tap) -> Run:
        """A load before a change."""
        return here.run(*INCREMENTAL, **AT_ONCE)

    def test_a_first_load_reads_everything(
        self, whole: Run, quiet_sandbox: RunningSandbox
    ) -> None:
        students = quiet_sandbox.truth_of(STUDENTS)
        assert whole.ids("users") == sorted(row["id"] for row in students)
        assert whole.ids("achievements_users") == [
            row["id"] for row in quiet_sandbox.truth("achievements_users")
        ]

    def test_the_bookmark_is_the_latest_change(
        self, whole: Run, quiet_sandbox: RunningSandbox
    ) -> None:
        latest = max(row["updated_at"] for row in quiet_sandbox.truth_of(STUDENTS))
        assert bookmark_of(whole.state, "users") == latest

    def test_a_run_after_nothing_changed_leaves_the_bookmarks_as_they_are(
        self, whole: Run, tap: Tap, sandbox: RunningSandbox
    ) -> None:
        here = tap.pointed_at(sandbox)
        second = here.run(*INCREMENTAL, state=whole.state, settle_seconds=0)
        assert every_bookmark(second.state) == every_bookmark(whole.state)
        third = here.run(*INCREMENTAL, state=second.state, **AT_ONCE)
        assert every_bookmark(third.state) == every_bookmark(whole.state)

    def test_a_run_after_nothing_changed_reads_next_to_nothing(
        self, whole: Run, tap: Tap, sandbox: RunningSandbox
    ) -> None:
        second = tap.pointed_at(sandbox).run(*INCREMENTAL, state=whole.state, **AT_ONCE)
        for stream in INCREMENTAL:
            latest = max(row["updated_at"] for row in whole.records(stream))
            old = {row["id"] for row in second.records(stream) if row["updated_at"] < latest}
            assert old == set(), stream

    def test_a_run_after_changes_reads_just_these(
        self, first: Run, here: Tap, mutable: RunningSandbox
    ) -> None:
        users = first.ids("users")[:3]
        enrolments = first.ids("projects_users")[:2]
        for user in users:
            mutable.update("users", user, wallet=user)
        for enrolment in enrolments:
            mutable.update("projects_users", enrolment, final_mark=0)
        second = here.run(*INCREMENTAL, state=first.state, **AT_ONCE)

        bookmark = bookmark_of(first.state, "users")
        assert set(second.ids("users")) - rows_at(mutable, STUDENTS, bookmark) == set(users)
        assert [row["wallet"] for row in second.records("users") if row["id"] in users]
        bookmark = max(bookmarks_by_campus(first.state).values())
        marks = {
            row["id"]: row["final_mark"]
            for row in second.records("projects_users")
            if row["updated_at"] > bookmark
        }
        assert marks == dict.fromkeys(enrolments, 0)

    @pytest.mark.slow
    def test_a_row_that_appears_is_read(
        self, first: Run, here: Tap, mutable: RunningSandbox
    ) -> None:
        award = first.records("achievements_users")[0]
        added = mutable.insert(
            "achievements_users",
            user_id=award["user_id"],
            achievement_id=award["achievement_id"],
        )
        second = here.run("achievements_users", state=first.state, **AT_ONCE)
        assert added in second.ids("achievements_users")

    @pytest.mark.slow
    def test_what_has_not_settled_is_left_to_the_next_run_and_not_forgotten(
        self, first: Run, here: Tap, mutable: RunningSandbox
    ) -> None:
        user = first.ids("users")[5]
        mutable.update("users", user, wallet=5)
        too_early = here.run("users", state=first.state, settle_seconds=3600)
        assert user not in too_early.ids("users")
        assert bookmark_of(too_early.state, "users") == bookmark_of(first.state, "users")
        in_time = here.run("users", state=too_early.state, settle_seconds=0)
        assert user in in_time.ids("users")

    @pytest.mark.few(1)
    @pytest.mark.parametrize(("overlap", "is_read"), [(120, True), (30, False)])
    def test_a_row_that_was_stamped_late_is_read_if_it_lies_in_the_overlap(
        self, first: Run, here: Tap, mutable: RunningSandbox, *, overlap: int, is_read: bool
    ) -> None:
        user, other = first.ids("users")[7:9]
        mutable.update("users", other, wallet=8)
        state = here.run("users", state=first.state, **AT_ONCE).state
        a_minute_before = written(at(bookmark_of(state, "users")) - timedelta(seconds=60))
        mutable.update("users", user, silent=True, updated_at=a_minute_before)
        second = here.run("users", state=state, overlap_seconds=overlap)
        assert (user in second.ids("users")) is is_read

    def test_what_has_no_bookmark_comes_whole_each_time(self, here: Tap) -> None:
        streams = ("cursus", "blocs")
        first = here.run(*streams)
        second = here.run(*streams, state=first.state, refresh_hours=dict.fromkeys(streams, 0))
        for stream in streams:
            assert second.ids(stream) == first.ids(stream) != []

    @pytest.mark.slow
    def test_a_stream_nobody_knows_any_more_is_no_trouble(self, first: Run, here: Tap) -> None:
        gone = {
            "scale_teams": {"replication_key": "filled_at", "replication_key_value": BOOKMARK},
            "slots": {"partitions": [{"context": {"campus_id": 1}}]},
        }
        state = {"bookmarks": {**gone, "users": first.state["bookmarks"]["users"]}}
        second = here.run("users", "cursus", state=state, **AT_ONCE)
        assert bookmark_of(second.state, "users") == bookmark_of(first.state, "users")
        assert len(second.records("users")) < len(first.records("users"))


class TestFailedRuns:
    """A run that failed has cost no row once the next one is through."""

    @pytest.mark.few(1)
    @pytest.mark.parametrize("stream", ["users", "projects_users", "achievements_users"])
    def test_a_run_that_failed_in_the_middle_is_made_good_by_the_next(
        self, tap: Tap, sandbox: RunningSandbox, stream: str
    ) -> None:
        here = tap.pointed_at(sandbox, page_size=20)
        whole = here.run(stream).ids(stream)
        sandbox.fault("forbidden", route=f"*{stream}", after=2)
        failed = here.fail(stream)
        states = [m["value"] for m in failed.messages if m["type"] == "STATE"]
        sandbox.clear_faults()
        made_good = here.run(stream, state=states[-1] if states else {})
        assert set(failed.ids(stream)) | set(made_good.ids(stream)) == set(whole)


class TestCampuses:
    """Enrolments have a bookmark for each campus."""

    def test_each_campus_has_its_own(self, here: Tap) -> None:
        run = here.run("projects_users", campus_ids=[PARIS, SEOUL])
        assert set(bookmarks_by_campus(run.state)) == {PARIS, SEOUL}

    def test_a_campus_that_comes_later_starts_at_the_start_date(
        self, here: Tap, mutable: RunningSandbox
    ) -> None:
        enrolments = f"/v2/projects_users?filter[campus]={SEOUL}&filter[cursus]=21"
        changes = sorted(row["updated_at"] for row in mutable.truth_of(enrolments))
        start = changes[len(changes) // 2]
        first = here.run("projects_users", campus_ids=[PARIS], start_date=start, **AT_ONCE)
        second = here.run(
            "projects_users",
            campus_ids=[PARIS, SEOUL],
            start_date=start,
            state=first.state,
            **AT_ONCE,
        )
        expected = {
            row["id"] for row in mutable.truth_of(enrolments) if row["updated_at"] >= start
        }
        assert len(expected) > 1
        assert set(second.ids("projects_users")) >= expected
        assert min(row["updated_at"] for row in second.records("projects_users")) == start
        assert set(bookmarks_by_campus(second.state)) == {PARIS, SEOUL}

    def test_a_campus_that_is_left_out_keeps_its_bookmark(self, here: Tap) -> None:
        both = here.run("projects_users", campus_ids=[PARIS, SEOUL], **AT_ONCE)
        one = here.run("projects_users", campus_ids=[PARIS], state=both.state, **AT_ONCE)
        kept = bookmarks_by_campus(one.state)
        assert kept[SEOUL] == bookmarks_by_campus(both.state)[SEOUL]


class TestWindows:
    """What is asked for: from before the bookmark to before now, both ends told."""

    @staticmethod
    def window(tap: Tap, api: ScriptedApi, **settings: object) -> tuple[datetime, datetime]:
        """The first and the last instant that a run with a bookmark asks for."""
        users = {"replication_key": "updated_at", "replication_key_value": BOOKMARK}
        api.script[USERS] = paged([])
        bookmark = settings.pop("bookmark", BOOKMARK)
        state = {"bookmarks": {"users": users | {"replication_key_value": bookmark}}}
        tap.pointed_at(api, **settings).run("users", state=state if bookmark else None)
        ranges = [
            asked.query["range[updated_at]"].split(",")
            for asked in api.asked_for(USERS)
            if "range[updated_at]" in asked.query  # else a look at how far ranges reach
        ]
        assert all(len(bounds) == 2 for bounds in ranges)
        assert all(bound.endswith("Z") for bounds in ranges for bound in bounds)
        # An API may leave the bounds of a range out, so it is asked for a little more.
        more = timedelta(milliseconds=1)
        return min(at(low) for low, _ in ranges) + more, max(
            at(high) for _, high in ranges
        ) - more

    @pytest.mark.few(2)
    @pytest.mark.parametrize("overlap", [0, 1, 60, 86_400])
    def test_it_begins_before_the_bookmark(
        self, tap: Tap, api: ScriptedApi, overlap: int
    ) -> None:
        begin, _ = self.window(tap, api, overlap_seconds=overlap)
        assert begin == at(BOOKMARK) - timedelta(seconds=overlap)

    def test_it_begins_a_minute_before_the_bookmark_if_nobody_says_otherwise(
        self, tap: Tap, api: ScriptedApi
    ) -> None:
        begin, _ = self.window(tap, api)
        assert begin == at(BOOKMARK) - timedelta(minutes=1)

    @pytest.mark.few(2)
    @pytest.mark.parametrize("settle", [None, 0, 30, 3600])
    def test_it_ends_before_the_run_began(
        self, tap: Tap, api: ScriptedApi, settle: int | None
    ) -> None:
        before = datetime.now(UTC)
        _, end = self.window(tap, api, settle_seconds=settle)
        distance = timedelta(seconds=30 if settle is None else settle)
        cut = timedelta(milliseconds=1)
        assert before - distance - cut <= end <= datetime.now(UTC) - distance

    @pytest.mark.few(1)
    @pytest.mark.parametrize(
        ("start_date", "first"),
        [
            ("2026-03-01", "2026-03-01T00:00:00+00:00"),
            ("2026-03-01T00:00:00+09:00", "2026-02-28T15:00:00+00:00"),
            ("2020-01-01", "2026-01-31T09:59:00+00:00"),
        ],
    )
    def test_it_never_begins_before_the_start_date(
        self, tap: Tap, api: ScriptedApi, start_date: str, first: str
    ) -> None:
        begin, _ = self.window(tap, api, start_date=start_date)
        assert begin == at(first)

    def test_without_a_bookmark_it_begins_at_the_start_date(
        self, tap: Tap, api: ScriptedApi
    ) -> None:
        begin, _ = self.window(tap, api, bookmark=None, start_date="2026-03-01")
        assert begin == at("2026-03-01T00:00:00Z")

    def test_without_a_bookmark_and_a_start_date_it_begins_nowhere(
        self, tap: Tap, api: ScriptedApi
    ) -> None:
        # A first load goes by ids, which no change moves.
        api.script[USERS] = paged([])
        tap.pointed_at(api).run("users")
        assert all("range[updated_at]" not in asked.query for asked in api.asked_for(USERS))

    @pytest.mark.parametrize(
        "bookmark", ["2026-01-31T10:00:00+00:00", "2026-01-31T19:00:00.000+09:00"]
    )
    def test_a_bookmark_that_is_written_otherwise_is_the_same_moment(
        self, tap: Tap, api: ScriptedApi, bookmark: str
    ) -> None:
        begin, _ = self.window(tap, api, bookmark=bookmark, overlap_seconds=0)
        assert begin == at(BOOKMARK)


@pytest.mark.few(1)
@pytest.mark.parametrize("bookmark", [3, "1999-13-32", [BOOKMARK]])
def test_a_bookmark_that_is_no_instant_is_told_of_and_all_is_read(
    tap: Tap, api: ScriptedApi, bookmark: object
) -> None:
    api.script["/v2/achievements_users"] = Pretended(
        [dated("achievements_users", number) for number in range(1, 4)]
    )
    here = tap.pointed_at(api)
    state = here.run("achievements_users").state
    state["bookmarks"]["achievements_users"]["replication_key_value"] = bookmark
    run = here.run("achievements_users", state=state)
    assert run.ids("achievements_users") == [1, 2, 3]
    assert any("is no value of updated_at" in line for line in run.warnings)
    assert bookmark_of(run.state, "achievements_users") != bookmark


def test_a_partition_of_which_no_read_has_ended_gets_no_bookmark_of_others() -> None:
    read = {"replication_key_value": BOOKMARK, "read_until": "2026-01-31T11:00:00.000Z"}
    begun: State = {}
    level(Cursor("updated_at"), [read, begun])
    assert begun == {}
    assert read["replication_key_value"] == BOOKMARK
