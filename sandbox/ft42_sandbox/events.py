"""Single events of student life, each with the changes that the API shows.

Some changes are silent, as at 42: points, levels and flags change while `updated_at` stays, and
rows disappear without a trace.
"""

from __future__ import annotations

import numpy as np

from ft42_sandbox.cast import Cast
from ft42_sandbox.endpoints import ENDPOINTS
from ft42_sandbox.generate.names import NameMaker
from ft42_sandbox.generate.people import MONTHS, anonymous
from ft42_sandbox.generate.reference import MAIN_CURSUS
from ft42_sandbox.generate.rewards import ranks
from ft42_sandbox.instants import DAY, HOUR, to_text

PASS = 80
MEMBER = 9
"""From this level on, nobody falls into the black hole."""
MEMBERS = {"Learner": "Member", "Cadet": "Transcender"}
# Memberships of coalitions stay when an account disappears.
OWNED = {
    "cursus_users": "user_id",
    "projects_users": "user_id",
    "achievements_users": "user_id",
    **{endpoint.table: endpoint.owner for endpoint in ENDPOINTS if endpoint.owner},
}
"""Tables whose rows disappear with an account, and the column that names it."""


class Events(Cast):
    """Draws whom an event happens to, and makes it happen."""

    def visit(self, at: int) -> None:
        """A student earns, spends, evaluates or sits down; `updated_at` moves."""
        position = self.student()
        users = self.store["users"]
        seat = f"c{self.below(5) + 1}r{self.below(20) + 1}s{self.below(10) + 1}"
        away = users.value(position, "location") is not None
        values = (
            {"wallet": int(users.value(position, "wallet") or 0) + self.below(60) - 10},
            {
                "correction_point": int(users.value(position, "correction_point"))
                + self.below(5)
                - 2
            },
            {"location": None if away else seat},
        )[self.below(3)]
        self.ledger.update("users", position, values, at, "visit")

    def touch(self, at: int) -> None:
        """`updated_at` moves, but nothing else that the API shows changes."""
        self.ledger.update("users", self.student(), {}, at, "touch")

    def move_erasure_date(self, at: int) -> None:
        """The dates of anonymisation and erasure move without `updated_at`."""
        position = self.student()
        date = self.store["users"].value(position, "erasure_date") or at // DAY * DAY
        moved = {"erasure_date": date + (1 + self.below(40)) * DAY}
        self.ledger.update("users", position, moved, at, "erasure date", silent=True)

    def flip_active(self, at: int) -> None:
        """`active?` changes without `updated_at`."""
        position = self.student()
        active = not self.store["users"].value(position, "active?")
        self.ledger.update("users", position, {"active?": active}, at, "activity", silent=True)

    def disappear(self, at: int) -> None:
        """An account disappears, with all its rows except memberships of coalitions."""
        users, position = self.store["users"], self.student()
        user_id = int(users.array("id")[position])
        for name, column in OWNED.items():
            for owned in self.rows_of(name, user_id, column):
                self.ledger.delete(name, owned, at, "disappear")
        self.ledger.delete("users", position, at, "disappear")

    def anonymise(self, at: int) -> None:
        """An account becomes a `3b3-` one."""
        position = self.student()
        first, last, login, email = anonymous(int(self.store["users"].array("id")[position]))
        self.ledger.update(
            "users",
            position,
            {
                "first_name": first,
                "last_name": last,
                "login": login,
                "email": email,
                "usual_full_name": f"{first} {last}",
                "usual_first_name": first,
                "displayname": f"{first} {last}",
                "has_image": False,
                "erasure_date": None,
                "location": None,
                "active?": False,
            },
            at,
            "anonymise",
        )

    def join(self, at: int) -> None:
        """A new student, with a campus, a cursus and a coalition."""
        users, campus = self.store["users"], self.store["campus"]
        public = np.flatnonzero(campus.array("public") == 1)
        place = int(public[self.below(len(public))])
        campus_id = int(campus.array("id")[place])
        user_id = users.next_id()
        first, last, _ = NameMaker(self.rng, families=2).people(1)[0]
        login = f"n{user_id}"
        full, extension = f"{first} {last}", campus.array("email_extension")[place] or "42.fr"
        erasure = at // DAY * DAY + 3 * 365 * DAY
        self.ledger.insert(
            "users",
            {
                "id": user_id,
                "login": login,
                "email": f"{login}@student.{extension}",
                "first_name": first,
                "last_name": last,
                "usual_full_name": full,
                "usual_first_name": first,
                "displayname": full,
                "kind": "student",
                "has_image": False,
                "staff?": False,
                "correction_point": 5,
                "wallet": 0,
                "pool_month": MONTHS[self.below(12)],
                "pool_year": to_text(at)[:4],
                "alumni?": False,
                "active?": True,
                "primary_campus_id": campus_id,
                "status": "none",
                "erasure_date": erasure,
                "utc_offset": 0,
            },
            at,
            "join",
        )
        self.students = np.append(self.students, np.int32(len(users.array("id")) - 1))
        self.ledger.insert(
            "campus_users",
            {"user_id": user_id, "campus_id": campus_id, "is_primary": True},
            at,
            "join",
        )
        self.ledger.insert(
            "cursus_users",
            {
                "user_id": user_id,
                "cursus_id": MAIN_CURSUS,
                "grade": "Cadet",
                "level": 0.0,
                "begin_at": at // HOUR * HOUR,
                "has_coalition": True,
                "blackholed_at": at + 77 * DAY,
            },
            at,
            "join",
        )
        self._join_coalition(user_id, campus_id, at)

    def _join_coalition(self, user_id: int, campus_id: int, at: int) -> None:
        """A membership, if there is a coalition for the main cursus of the campus."""
        blocs, coalitions = self.store["blocs"], self.store["coalitions"]
        here = blocs.array("id")[
            (blocs.array("campus_id") == campus_id) & (blocs.array("cursus_id") == MAIN_CURSUS)
        ]
        offered = coalitions.array("id")[np.isin(coalitions.array("bloc_id"), here)]
        if len(offered):
            self.ledger.insert(
                "coalitions_users",
                {
                    "coalition_id": int(offered[self.below(len(offered))]),
                    "user_id": user_id,
                    "score": 0,
                    "rank": 1,
                    "this_year_score": 0,
                },
                at,
                "join",
            )
            self.scored.add(len(self.store["coalitions_users"].array("id")) - 1)

    def move_campus(self, at: int) -> None:
        """A transfer: a new primary campus, the old one stays as a former one."""
        position = self.student()
        users, links = self.store["users"], self.store["campus_users"]
        user_id = int(users.array("id")[position])
        mine = self.rows_of("campus_users", user_id)
        listed = self.store["campus"].array("id")[self.store["campus"].array("public") == 1]
        campuses = np.setdiff1d(listed, links.array("campus_id")[mine])
        target = int(campuses[self.below(len(campuses))])
        for link in mine:
            if links.value(link, "is_primary"):
                self.ledger.update("campus_users", link, {"is_primary": False}, at, "move")
        self.ledger.insert(
            "campus_users",
            {"user_id": user_id, "campus_id": target, "is_primary": True},
            at,
            "move",
        )
        self.ledger.update("users", position, {"primary_campus_id": target}, at, "move")

    def graduate(self, at: int) -> None:
        """A student becomes an alumnus, and leaves the scope of most clients."""
        position = self.student()
        user_id = int(self.store["users"].array("id")[position])
        gone = {"alumni?": True, "alumnized_at": at}
        self.ledger.update("users", position, gone, at, "graduate")
        for link in self.rows_of("cursus_users", user_id):
            if self.store["cursus_users"].array("cursus_id")[link] == MAIN_CURSUS:
                ended = {"end_at": at, "grade": "Alumni", "blackholed_at": None}
                self.ledger.update("cursus_users", link, ended, at, "graduate")

    def enrol(self, at: int) -> None:
        """A student registers for a project they are not registered for."""
        users, projects = self.store["users"], self.store["projects"]
        user_id = int(users.array("id")[self.student()])
        main = (projects.array("cursus_id") == MAIN_CURSUS) & projects.alive
        enrolments = self.store["projects_users"]
        mine = enrolments.array("project_id")[self.rows_of("projects_users", user_id)]
        offered = np.setdiff1d(projects.array("id")[main], mine)
        if not len(offered):
            return
        project_id = int(offered[self.below(len(offered))])
        number = self.ledger.insert(
            "projects_users",
            {
                "user_id": user_id,
                "project_id": project_id,
                "cursus_id": MAIN_CURSUS,
                "occurrence": 0,
                "status": "in_progress",
                "current_team_id": self.next_team(),
                "earlier_team_id": 0,
                "marked": False,
            },
            at,
            "enrol",
        )
        self.enrolments("in_progress").append(enrolments.find(number) or 0)

    def submit(self, at: int) -> None:
        """A project waits for its evaluations."""
        position = self.enrolment("in_progress")
        if position is not None:
            waiting = {"status": "waiting_for_correction"}
            self.ledger.update("projects_users", position, waiting, at, "submit")
            self.enrolments("waiting_for_correction").append(position)

    def mark(self, at: int) -> None:
        """An evaluation ends: a mark; level, grade and deadline move without `updated_at`."""
        position = self.enrolment("waiting_for_correction")
        if position is None:
            position = self.enrolment("in_progress")
        if position is None:
            return
        mark = (0, 42, 80, 100, 100, 110, 125, -42)[self.below(8)]
        self.ledger.update(
            "projects_users",
            position,
            {
                "status": "finished",
                "final_mark": mark,
                "validated?": mark >= PASS,
                "marked": True,
                "marked_at": at,
                "retriable_at": at + 3 * DAY,
            },
            at,
            "mark",
        )
        self.enrolments("finished").append(position)
        enrolments, links = self.store["projects_users"], self.store["cursus_users"]
        user_id = int(enrolments.array("user_id")[position])
        for link in self.rows_of("cursus_users", user_id) if mark >= PASS else ():
            if links.array("cursus_id")[link] == enrolments.array("cursus_id")[position]:
                self._grow(link, at)

    def _grow(self, link: int, at: int) -> None:
        """Level, grade and deadline of somebody who passed move; `updated_at` does not."""
        links = self.store["cursus_users"]
        level = round(links.value(link, "level") + 0.01 * self.below(60), 2)
        deadline, grade = links.value(link, "blackholed_at"), links.value(link, "grade")
        if deadline is not None:
            deadline += 10 * DAY
        if level > MEMBER and grade in MEMBERS:
            deadline, grade = None, MEMBERS[grade]
        grown = {"level": level, "grade": grade, "blackholed_at": deadline}
        self.ledger.update("cursus_users", link, grown, at, "mark", silent=True)

    def retry(self, at: int) -> None:
        """A finished project is begun again: the old mark stays until the new one."""
        position = self.enrolment("finished")
        if position is None:
            return
        table = self.store["projects_users"]
        number, tries = table.value(position, "id"), int(table.value(position, "occurrence"))
        first = table.value(position, "earlier_team_id") or 0
        earlier = self.store.retried_teams.get(number) or list(range(first, first + tries))
        current = table.value(position, "current_team_id")
        self.store.retried_teams[number] = [*earlier, current] if current else earlier
        again = {
            "status": "in_progress",
            "occurrence": tries + 1,
            "retriable_at": None,
            "current_team_id": self.next_team(),
        }
        self.ledger.update("projects_users", position, again, at, "retry")
        self.enrolments("in_progress").append(position)

    def give_up(self, at: int) -> None:
        """A team that waited for its correction is closed, late and without `updated_at`."""
        position = self.enrolment("waiting_for_correction")
        if position is not None:
            closed = {
                "status": "finished",
                "final_mark": 0,
                "validated?": False,
                "marked": True,
                "marked_at": at,
            }
            self.ledger.update("projects_users", position, closed, at, "give up", silent=True)

    def unregister(self, at: int) -> None:
        """A project in progress is given up: its enrolment disappears silently."""
        position = self.enrolment("in_progress")
        if position is not None:
            self.ledger.delete("projects_users", position, at, "unregister")

    def earn_badge(self, at: int) -> None:
        """A student wins an achievement."""
        achievements = self.store["achievements"].array("id")
        self.ledger.insert(
            "achievements_users",
            {
                "achievement_id": int(achievements[self.below(len(achievements))]),
                "user_id": int(self.store["users"].array("id")[self.student()]),
                "nbr_of_success": 0,
                "rewarded": False,
            },
            at,
            "badge",
        )

    def earn_badge_again(self, at: int) -> None:
        """A badge that can be won several times is won again."""
        table = self.store["achievements_users"]
        position = self.any_row(table)
        if position is not None:
            again = {"nbr_of_success": (table.value(position, "nbr_of_success") or 0) + 1}
            self.ledger.update("achievements_users", position, again, at, "badge again")

    def earn_points(self, at: int) -> None:
        """Points for a coalition: the member's and the coalition's score move silently."""
        table, coalitions = self.store["coalitions_users"], self.store["coalitions"]
        position = self.any_row(table)
        if position is None:
            return
        points = self.below(300) - 20
        self.ledger.update(
            "coalitions_users",
            position,
            {
                "score": table.value(position, "score") + points,
                "this_year_score": (table.value(position, "this_year_score") or 0) + points,
                "this_year_score_updated_at": at,
            },
            at,
            "points",
            silent=True,
        )
        self.scored.add(position)
        coalition = coalitions.find(int(table.array("coalition_id")[position]))
        if coalition is not None:
            score = max(0, coalitions.value(coalition, "score") + points)
            self.ledger.update("coalitions", coalition, {"score": score}, at, "points")

    def change_master(self, at: int) -> None:
        """A coalition gets another master, and its season's score begins anew."""
        coalitions = self.store["coalitions"]
        position = self.any_row(coalitions)
        if position is not None:
            master = int(self.store["users"].array("id")[self.student()])
            changed = {"user_id": master, "score": coalitions.value(position, "score") // 20}
            self.ledger.update("coalitions", position, changed, at, "master")

    def settle(self, at: int) -> None:
        """Rank the members of coalitions whose scores moved; `updated_at` stays."""
        table = self.store["coalitions_users"]
        for coalition in np.unique(table.array("coalition_id")[sorted(self.scored)]).tolist():
            members = np.flatnonzero((table.array("coalition_id") == coalition) & table.alive)
            new = ranks(table.array("coalition_id")[members], table.array("score")[members])
            moved = table.array("rank")[members] != new
            for member, rank in zip(members[moved].tolist(), new[moved].tolist(), strict=True):
                self.ledger.update(
                    "coalitions_users", member, {"rank": rank}, at, "points", silent=True
                )
