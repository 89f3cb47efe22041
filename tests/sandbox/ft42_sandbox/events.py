"""Single events of student life, each with the traces it leaves in the API.

What matters is what a trace does not say: points, levels and flags move while
`updated_at` stands still, and rows go without a word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ft42_sandbox.generate.names import NameMaker
from ft42_sandbox.generate.people import MONTHS, anonymous
from ft42_sandbox.generate.reference import MAIN_CURSUS
from ft42_sandbox.generate.rewards import ranks
from ft42_sandbox.instants import DAY, HOUR, to_text
from ft42_sandbox.ledger import Ledger
from ft42_sandbox.store import Positions, Store, Table

PASS = 80
# What goes with an account; memberships of coalitions outlive it.
OWNED = ("campus_users", "cursus_users", "projects_users", "achievements_users")


class Events:
    """Draws whom something happens to, and does it."""

    def __init__(self, store: Store, ledger: Ledger, rng: np.random.Generator) -> None:
        """Draw with this generator and write into this ledger."""
        self._store = store
        self._ledger = ledger
        self._rng = rng
        users = store["users"]
        kind, alumni = users.columns["kind"], users.array("alumni?")
        self._students: Positions = np.flatnonzero(
            (kind.array == kind.find_code("student")) & (alumni == 0) & users.alive
        ).astype(np.int32)
        self._by_status: dict[str, list[int]] = {}
        self._scored: set[int] = set()

    def student_count(self) -> int:
        """How many students there are."""
        return len(self._students)

    def visit(self, at: int) -> None:
        """A student earns, spends, evaluates or sits down; `updated_at` moves."""
        position = self._student()
        users = self._store["users"]
        seat = f"c{self._below(5) + 1}r{self._below(20) + 1}s{self._below(10) + 1}"
        away = users.value(position, "location") is not None
        values = (
            {"wallet": int(users.value(position, "wallet") or 0) + self._below(60) - 10},
            {"correction_point": int(users.value(position, "correction_point")) + self._below(5) - 2},
            {"location": None if away else seat},
        )[self._below(3)]
        self._ledger.update("users", position, values, at, "visit")

    def touch(self, at: int) -> None:
        """`updated_at` moves and nothing that the API shows has changed."""
        self._ledger.update("users", self._student(), {}, at, "touch")

    def move_erasure_date(self, at: int) -> None:
        """The dates of anonymisation and erasure move without `updated_at`."""
        position = self._student()
        date = self._store["users"].value(position, "erasure_date")
        if date is not None:
            moved = {"erasure_date": date + (1 + self._below(40)) * DAY}
            self._ledger.update("users", position, moved, at, "erasure date", silent=True)

    def flip_active(self, at: int) -> None:
        """`active?` changes without `updated_at`."""
        position = self._student()
        active = not self._store["users"].value(position, "active?")
        self._ledger.update("users", position, {"active?": active}, at, "activity", silent=True)

    def disappear(self, at: int) -> None:
        """An account goes, with all that belongs to it except its coalitions."""
        users, position = self._store["users"], self._student()
        user_id = int(users.array("id")[position])
        for name in OWNED:
            for owned in self._rows_of(name, user_id):
                self._ledger.delete(name, owned, at, "disappear")
        self._ledger.delete("users", position, at, "disappear")

    def anonymise(self, at: int) -> None:
        """An account becomes a `3b3-` one."""
        position = self._student()
        first, last, login, email = anonymous(int(self._store["users"].array("id")[position]))
        self._ledger.update("users", position, {
            "first_name": first, "last_name": last, "login": login, "email": email,
            "usual_full_name": f"{first} {last}", "usual_first_name": first,
            "displayname": f"{first} {last}", "has_image": False, "erasure_date": None,
            "location": None, "active?": False,
        }, at, "anonymise")  # fmt: skip

    def join(self, at: int) -> None:
        """Somebody new, with a campus, a cursus and a coalition."""
        users, campus = self._store["users"], self._store["campus"]
        public = np.flatnonzero(campus.array("public") == 1)
        place = int(public[self._below(len(public))])
        campus_id = int(campus.array("id")[place])
        user_id = users.next_id()
        first, last, _ = NameMaker(self._rng).people(1)[0]
        login = f"n{user_id}"
        full, extension = f"{first} {last}", campus.array("email_extension")[place] or "42.fr"
        erasure = at // DAY * DAY + 3 * 365 * DAY
        self._ledger.insert("users", {
            "id": user_id, "login": login, "email": f"{login}@student.{extension}",
            "first_name": first, "last_name": last, "usual_full_name": full,
            "usual_first_name": first, "displayname": full, "kind": "student",
            "has_image": False, "staff?": False, "correction_point": 5, "wallet": 0,
            "pool_month": MONTHS[self._below(12)], "pool_year": to_text(at)[:4], "alumni?": False,
            "active?": True, "primary_campus_id": campus_id, "status": "none",
            "erasure_date": erasure, "utc_offset": 0,
        }, at, "join")  # fmt: skip
        self._students = np.append(self._students, np.int32(len(users.array("id")) - 1))
        self._ledger.insert("campus_users", {
            "user_id": user_id, "campus_id": campus_id, "is_primary": True}, at, "join")  # fmt: skip
        self._ledger.insert("cursus_users", {
            "user_id": user_id, "cursus_id": MAIN_CURSUS, "grade": "Cadet", "level": 0.0,
            "begin_at": at // HOUR * HOUR, "has_coalition": True,
            "blackholed_at": at + 77 * DAY}, at, "join")  # fmt: skip
        blocs, coalitions = self._store["blocs"], self._store["coalitions"]
        here = blocs.array("id")[
            (blocs.array("campus_id") == campus_id) & (blocs.array("cursus_id") == MAIN_CURSUS)
        ]
        offered = coalitions.array("id")[np.isin(coalitions.array("bloc_id"), here)]
        if len(offered):
            self._ledger.insert("coalitions_users", {
                "coalition_id": int(offered[self._below(len(offered))]), "user_id": user_id,
                "score": 0, "rank": 1, "this_year_score": 0}, at, "join")  # fmt: skip
            self._scored.add(len(self._store["coalitions_users"].array("id")) - 1)

    def move_campus(self, at: int) -> None:
        """A transfer: a new primary campus, the old one stays as a former one."""
        position = self._student()
        users, links = self._store["users"], self._store["campus_users"]
        user_id = int(users.array("id")[position])
        campuses = self._store["campus"].array("id")[self._store["campus"].array("public") == 1]
        target = int(campuses[self._below(len(campuses))])
        mine = self._rows_of("campus_users", user_id)
        if any(links.array("campus_id")[p] == target for p in mine):
            return
        for link in mine:
            if links.value(link, "is_primary"):
                self._ledger.update("campus_users", link, {"is_primary": False}, at, "move")
        self._ledger.insert("campus_users", {
            "user_id": user_id, "campus_id": target, "is_primary": True}, at, "move")  # fmt: skip
        self._ledger.update("users", position, {"primary_campus_id": target}, at, "move")

    def graduate(self, at: int) -> None:
        """A student becomes an alumnus and leaves the scope of most readers."""
        position = self._student()
        user_id = int(self._store["users"].array("id")[position])
        gone = {"alumni?": True, "alumnized_at": at}
        self._ledger.update("users", position, gone, at, "graduate")
        for link in self._rows_of("cursus_users", user_id):
            if self._store["cursus_users"].array("cursus_id")[link] == MAIN_CURSUS:
                ended = {"end_at": at, "grade": "Alumni", "blackholed_at": None}
                self._ledger.update("cursus_users", link, ended, at, "graduate")

    def enrol(self, at: int) -> None:
        """A student registers for a project they are not registered for."""
        users, projects = self._store["users"], self._store["projects"]
        user_id = int(users.array("id")[self._student()])
        offered = np.flatnonzero((projects.array("cursus_id") == MAIN_CURSUS) & projects.alive)
        project_id = int(projects.array("id")[offered[self._below(len(offered))]])
        enrolments = self._store["projects_users"]
        mine = enrolments.array("project_id")[self._rows_of("projects_users", user_id)]
        if project_id in mine:
            return
        number = self._ledger.insert("projects_users", {
            "user_id": user_id, "project_id": project_id, "cursus_id": MAIN_CURSUS,
            "occurrence": 0, "status": "in_progress", "current_team_id": self._next_team(),
            "earlier_team_id": 0, "marked": False}, at, "enrol")  # fmt: skip
        self._enrolments("in_progress").append(enrolments.find(number) or 0)

    def submit(self, at: int) -> None:
        """A project waits for its evaluations."""
        position = self._enrolment("in_progress")
        if position is not None:
            waiting = {"status": "waiting_for_correction"}
            self._ledger.update("projects_users", position, waiting, at, "submit")
            self._enrolments("waiting_for_correction").append(position)

    def mark(self, at: int) -> None:
        """An evaluation ends: a mark, and a level that grows without `updated_at`."""
        position = self._enrolment("waiting_for_correction")
        if position is None:
            position = self._enrolment("in_progress")
        if position is None:
            return
        mark = (0, 42, 80, 100, 100, 110, 125, -42)[self._below(8)]
        self._ledger.update("projects_users", position, {
            "status": "finished", "final_mark": mark, "validated?": mark >= PASS, "marked": True,
            "marked_at": at, "retriable_at": at + 3 * DAY}, at, "mark")  # fmt: skip
        self._enrolments("finished").append(position)
        enrolments, links = self._store["projects_users"], self._store["cursus_users"]
        user_id = int(enrolments.array("user_id")[position])
        for link in self._rows_of("cursus_users", user_id) if mark >= PASS else ():
            if links.array("cursus_id")[link] == enrolments.array("cursus_id")[position]:
                grown = {"level": round(links.value(link, "level") + 0.01 * self._below(60), 2)}
                if links.value(link, "blackholed_at") is not None:
                    grown["blackholed_at"] = links.value(link, "blackholed_at") + 10 * DAY
                self._ledger.update("cursus_users", link, grown, at, "mark", silent=True)

    def retry(self, at: int) -> None:
        """A finished project is begun again: the old mark stays until the new one."""
        position = self._enrolment("finished")
        if position is None:
            return
        table = self._store["projects_users"]
        number, tries = table.value(position, "id"), int(table.value(position, "occurrence"))
        first = table.value(position, "earlier_team_id") or 0
        earlier = self._store.retried_teams.get(number) or list(range(first, first + tries))
        current = table.value(position, "current_team_id")
        self._store.retried_teams[number] = [*earlier, current] if current else earlier
        again = {"status": "in_progress", "occurrence": tries + 1, "retriable_at": None,
                 "current_team_id": self._next_team()}  # fmt: skip
        self._ledger.update("projects_users", position, again, at, "retry")
        self._enrolments("in_progress").append(position)

    def give_up(self, at: int) -> None:
        """A team that waited for its correction is closed, late and without `updated_at`."""
        position = self._enrolment("waiting_for_correction")
        if position is not None:
            closed = {"status": "finished", "final_mark": 0, "validated?": False, "marked": True,
                      "marked_at": at}  # fmt: skip
            self._ledger.update("projects_users", position, closed, at, "give up", silent=True)

    def unregister(self, at: int) -> None:
        """A project in progress is given up: its enrolment goes without a word."""
        position = self._enrolment("in_progress")
        if position is not None:
            self._ledger.delete("projects_users", position, at, "unregister")

    def earn_badge(self, at: int) -> None:
        """A student wins an achievement."""
        achievements = self._store["achievements"].array("id")
        self._ledger.insert("achievements_users", {
            "achievement_id": int(achievements[self._below(len(achievements))]),
            "user_id": int(self._store["users"].array("id")[self._student()]),
            "nbr_of_success": 0, "rewarded": False}, at, "badge")  # fmt: skip

    def earn_badge_again(self, at: int) -> None:
        """A badge that counts is won once more."""
        table = self._store["achievements_users"]
        position = self._any(table)
        if position is not None:
            again = {"nbr_of_success": (table.value(position, "nbr_of_success") or 0) + 1}
            self._ledger.update("achievements_users", position, again, at, "badge again")

    def earn_points(self, at: int) -> None:
        """Points for a coalition: the member's and the coalition's score move silently."""
        table, coalitions = self._store["coalitions_users"], self._store["coalitions"]
        position = self._any(table)
        if position is None:
            return
        points = self._below(300) - 20
        self._ledger.update("coalitions_users", position, {
            "score": table.value(position, "score") + points,
            "this_year_score": (table.value(position, "this_year_score") or 0) + points,
            "this_year_score_updated_at": at}, at, "points", silent=True)  # fmt: skip
        self._scored.add(position)
        coalition = coalitions.find(int(table.array("coalition_id")[position]))
        if coalition is not None:
            score = max(0, coalitions.value(coalition, "score") + points)
            self._ledger.update("coalitions", coalition, {"score": score}, at, "points")

    def change_master(self, at: int) -> None:
        """A coalition gets another master, and its season's score begins anew."""
        coalitions = self._store["coalitions"]
        position = self._any(coalitions)
        if position is not None:
            master = int(self._store["users"].array("id")[self._student()])
            changed = {"user_id": master, "score": coalitions.value(position, "score") // 20}
            self._ledger.update("coalitions", position, changed, at, "master")

    def settle(self, at: int) -> None:
        """Rank the members of coalitions whose scores moved; `updated_at` stays."""
        table = self._store["coalitions_users"]
        for coalition in np.unique(table.array("coalition_id")[sorted(self._scored)]).tolist():
            members = np.flatnonzero((table.array("coalition_id") == coalition) & table.alive)
            new = ranks(table.array("coalition_id")[members], table.array("score")[members])
            moved = table.array("rank")[members] != new
            for member, rank in zip(members[moved].tolist(), new[moved].tolist(), strict=True):
                self._ledger.update(
                    "coalitions_users", member, {"rank": rank}, at, "points", silent=True
                )

    def _below(self, limit: int) -> int:
        return int(self._rng.integers(limit))

    def _student(self) -> int:
        """A student who still exists and has not graduated."""
        users = self._store["users"]
        alive, alumni = users.alive, users.array("alumni?")
        for _ in range(200):
            position = int(self._students[self._below(len(self._students))])
            if alive[position] and not alumni[position]:
                return position
        msg = "there are no students left"
        raise ValueError(msg)

    def _any(self, table: Table) -> int | None:
        """Any row that exists."""
        for _ in range(200):
            position = self._below(max(1, len(table.array("id"))))
            if position < len(table.alive) and table.alive[position]:
                return position
        return None

    def _enrolments(self, status: str) -> list[int]:
        """Enrolments that had a status when life began, and those that got it since."""
        if status not in self._by_status:
            table = self._store["projects_users"]
            column = table.columns["status"]
            wanted = (column.array == column.find_code(status)) & table.alive
            self._by_status[status] = np.flatnonzero(wanted).tolist()
        return self._by_status[status]

    def _enrolment(self, status: str) -> int | None:
        """One of them that still has it; it is taken out of the list."""
        candidates = self._enrolments(status)
        table = self._store["projects_users"]
        while candidates:
            n = self._below(len(candidates))
            candidates[n], candidates[-1] = candidates[-1], candidates[n]
            position = candidates.pop()
            if table.alive[position] and table.value(position, "status") == status:
                return position
        return None

    def _rows_of(self, name: str, user_id: int) -> list[int]:
        table = self._store[name]
        found: NDArray[np.int64] = np.flatnonzero(
            (table.array("user_id") == user_id) & table.alive
        )
        return found.tolist()

    def _next_team(self) -> int:
        """A team number that nobody has."""
        store = self._store
        highest = store.derived("highest team", (), lambda: [
            int(store["projects_users"].array("current_team_id").max(
                initial=0, where=store["projects_users"].array("current_team_id") < 2**31 - 1))
        ])  # fmt: skip
        highest[0] += 1
        return highest[0]
