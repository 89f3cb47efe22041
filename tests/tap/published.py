"""What is published of more enrolments than a state has room for, from night to night."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.tap.proofs import AT_ONCE, STUDENTS, a_day_later, asked

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.proofs import Row
    from tests.tap.running import Run, Tap

ENROLMENTS = "/v2/projects_users?filter[cursus]=21"
STREAMS = ("users", "projects_users", "census", "sync_runs")
WORLD: dict[str, Any] = {"users": 175, "enrolments": 7_000, "achievements_per_user": 0}
"""A world of the sandbox that has more enrolments than `MOST_IDS`."""
MOST_IDS = 5_000


class Published:
    """The enrolments that are published: without those whose people are gone."""

    def __init__(self, tap: Tap, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.asked: list[str] = []
        self._tables: dict[str, dict[int, tuple[Row, datetime]]] = {
            "users": {},
            "projects_users": {},
        }
        self._tap = replace(tap, most_ids=MOST_IDS).pointed_at(
            sandbox, refresh_nights=7, **AT_ONCE
        )
        self._take(self._tap.run("campuses", *STREAMS))

    def night(self, **settings: object) -> int:
        """Read what a night reads, and return its requests."""
        self.sandbox.reset_requests()
        self._take(self._tap.run(*STREAMS, state=a_day_later(self.last.state), **settings))
        self.asked = [entry["target"] for entry in self.sandbox.log()]
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
