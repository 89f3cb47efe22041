"""Teams of enrolments, derived from the enrolment's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ft42_sandbox.columns import NULL_INSTANT, NULL_INT
from ft42_sandbox.instants import DAY, HOUR
from ft42_sandbox.render.details import API, Dice, uuid
from ft42_sandbox.render.tokens import FLAGS, bare, instant_columns, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ft42_sandbox.store import Positions, Store

# Statuses of a present team; any other team is still being formed.
FINISHED, WAITING, FORMING = "finished", "waiting_for_correction", "creating_group"
OPEN = ("in_progress", WAITING)
CLOSED = frozenset({FINISHED, WAITING})
CHEATING = -42
PASS = 80
GITLAB_PATH_LENGTH = 81
TEAM = (
    '{"id":%s,"name":"%s\'s group%s",'
    f'"url":"{API}/teams/%s",'
    '"final_mark":%s,"project_id":%s,"created_at":%s,"updated_at":%s,"status":"%s",'
    '"terminating_at":%s,"users":[%s],"locked?":%s,"validated?":%s,"closed?":%s,'
    '"repo_url":%s,"repo_uuid":"%s","locked_at":%s,"closed_at":%s,'
    '"project_session_id":%s,"project_gitlab_path":%s}'
)
MEMBER = (
    '{"id":%s,"login":"%s",'
    f'"url":"{API}/users/%s",'
    '"leader":%s,"occurrence":%s,"validated":%s,"projects_user_id":%s}'
)


class Member(NamedTuple):
    """A member of a team: the user's id, the login in its JSON form, the enrolment's id."""

    user_id: int
    login: str
    enrolment: int


class Work(NamedTuple):
    """What teams take from their project: its number, its first session, the path as JSON."""

    project_id: int
    session: int
    path: str


class Try(NamedTuple):
    """One team: the enrolment's place on the page, the team's number, and its data.

    The instants have their JSON form.
    """

    place: int
    number: int
    nth: int
    last: bool
    status: str
    mark: int
    drawn: list[int]
    digits: str
    begun: str
    updated: str
    ends: str
    locked: str
    closed: str


class Teams:
    """The teams of enrolments: one for each try; the last one is the present team."""

    def __init__(self, store: Store, dice: Dice) -> None:
        """Look up enrolments here, and draw names and repositories from the dice."""
        self._store = store
        self._dice = dice

    def of(self, positions: Positions) -> list[str]:
        """For each enrolment the JSON list of its teams, oldest first."""
        work = self._store.derived("work", ("projects",), self._work)
        project_ids = self._store["projects_users"].array("project_id")[positions].tolist()
        members = self._members(positions)
        teams: list[list[str]] = [[] for _ in project_ids]
        for tried in self._tries(positions):
            place = tried.place
            mates, own = members[place]
            # Earlier teams have only their leader, as no table has the other members.
            there = mates if tried.last else own
            project_id = project_ids[place]
            task = work.get(project_id) or Work(project_id, 1, "null")
            teams[place].append(_team_json(tried, there, task))
        return [f"[{','.join(group)}]" for group in teams]

    def _tries(self, positions: Positions) -> Iterable[Try]:
        """All teams of a page of enrolments, computed at once."""
        table = self._store["projects_users"]
        numbers = self._numbers(positions)
        counts = np.asarray([len(teams) for teams in numbers], dtype=np.int64)
        place = np.repeat(np.arange(len(positions)), counts)
        rows = positions[place]
        number = np.asarray([team for teams in numbers for team in teams], dtype=np.int64)
        nth = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
        last = nth == counts[place] - 1
        status = table.columns["status"]
        codes = status.array[rows]
        finished = ~last | (codes == status.find_code(FINISHED))
        forming = ~finished & ~np.isin(codes, [status.find_code(word) for word in OPEN])
        words = np.where(codes == status.find_code(WAITING), WAITING, OPEN[0])
        drawn = self._dice.numbers("team", number)
        early = drawn[:, 0].astype(np.int64)
        mark = np.where(
            last,
            np.where(finished, table.array("final_mark")[rows], NULL_INT),
            np.where(early < 4, CHEATING, early % PASS),
        )
        created, updated = table.array("created_at")[rows], table.array("updated_at")[rows]
        step = np.maximum(DAY, (updated - created) // counts[place])
        begun = np.minimum(created + nth * step, updated)
        closed = np.minimum(begun + drawn[:, 1] * np.int64(HOUR), updated)
        instants = (
            begun,
            np.where(last, updated, closed),
            np.where(drawn[:, 2] < 93, begun + 60 * DAY, NULL_INSTANT),
            np.where(forming, NULL_INSTANT, begun),
            np.where(finished, closed, NULL_INSTANT),
        )
        return map(
            Try,
            place.tolist(),
            number.tolist(),
            nth.tolist(),
            last.tolist(),
            np.where(finished, FINISHED, np.where(forming, FORMING, words)).tolist(),
            mark.tolist(),
            drawn.tolist(),
            self._dice.digits("repo", number),
            *instant_columns(instants),
        )

    def _numbers(self, positions: Positions) -> list[Sequence[int]]:
        """The numbers of each enrolment's teams, the present one last."""
        table, retried = self._store["projects_users"], self._store.retried_teams
        numbers: list[Sequence[int]] = []
        for row_id, current, earlier, tries in zip(
            *(
                table.array(name)[positions].tolist()
                for name in ("id", "current_team_id", "earlier_team_id", "occurrence")
            ),
            strict=True,
        ):
            if current == NULL_INT:
                numbers.append(())
            elif row_id in retried:
                numbers.append((*retried[row_id], current))
            elif tries:
                numbers.append((*range(earlier, earlier + tries), current))
            else:
                numbers.append((current,))
        return numbers

    def _members(self, positions: Positions) -> list[tuple[list[Member], list[Member]]]:
        """The members of each enrolment's present team, the leader first, and the owner."""
        table = self._store["projects_users"]
        shared = self._store.derived("groups", (), self._shared_teams)
        alive, teams = table.alive, table.array("current_team_id")
        groups: list[Sequence[int]] = []
        for position, team in zip(positions.tolist(), teams[positions].tolist(), strict=True):
            group = [p for p in shared.get(team, ()) if alive[p] and teams[p] == team]
            groups.append(group if position in group else (*group, position))
        everybody = np.asarray(sorted({p for group in groups for p in group}), dtype=np.int64)
        known = dict(zip(everybody.tolist(), self._as_members(everybody), strict=True))
        return [
            (
                [mate for mate in map(known.__getitem__, group) if mate],
                [me for me in (known[position],) if me],
            )
            for position, group in zip(positions.tolist(), groups, strict=True)
        ]

    def _as_members(self, positions: NDArray[Any]) -> list[Member | None]:
        """The owners of enrolments; None for an account that does not exist."""
        table, users = self._store["projects_users"], self._store["users"]
        owners = users.find_many(table.array("user_id")[positions])
        return [
            None if owner < 0 else Member(user_id, bare(login), enrolment)
            for owner, user_id, login, enrolment in zip(
                owners.tolist(),
                table.array("user_id")[positions].tolist(),
                users.array("login")[owners].tolist(),
                table.array("id")[positions].tolist(),
                strict=True,
            )
        ]

    def _work(self) -> dict[int, Work]:
        """What teams take from each project."""
        projects = self._store["projects"]
        first, work = 1, {}
        for number, slug, sessions in projects.records(
            projects.positions, ("id", "slug", "sessions")
        ):
            path = quoted(f"pedago_world/42-cursus/{slug}"[:GITLAB_PATH_LENGTH])
            work[number] = Work(number, first, path)
            first += sessions or 0
        return work

    def _shared_teams(self) -> dict[int, list[int]]:
        """The enrolments of each team with several members, as generated."""
        teams = self._store["projects_users"].array("current_team_id")
        order = np.argsort(teams, kind="stable")
        same = teams[order][1:] == teams[order][:-1]
        shared = np.r_[same, False] | np.r_[False, same]
        groups: dict[int, list[int]] = {}
        for position in order[shared & (teams[order] != NULL_INT)].tolist():
            groups.setdefault(int(teams[position]), []).append(position)
        return groups


def _team_json(tried: Try, members: list[Member], work: Work) -> str:
    # Unpacked, as access by name would take a fifth of the time of a team.
    _, number, nth, _, status, mark, drawn, digits, begun, updated, ends, locked, closed = tried
    project_id, session, path = work
    validated = FLAGS[mark >= PASS and mark != NULL_INT]
    leader = members[0].login if members else ""
    repository = f"intra-uuid-{uuid(digits)}-{number}-{leader}"
    users = [
        MEMBER % (user_id, login, login, "false", nth, validated, enrolment)
        for user_id, login, enrolment in members[1:]
    ]
    if members:
        user_id, login, enrolment = members[0]
        users.insert(0, MEMBER % (user_id, login, login, "true", nth, validated, enrolment))
    return TEAM % (
        number,
        leader,
        f"-{nth}" if nth else "",
        number,
        "null" if mark == NULL_INT else mark,
        project_id,
        begun,
        updated,
        status,
        ends,
        ",".join(users),
        "false" if status == FORMING else "true",
        "null" if mark == NULL_INT else validated,
        FLAGS[status in CLOSED],
        "null" if drawn[3] < 65 else f'"git@vogsphere.sandbox.example:vogsphere/{repository}"',
        repository,
        locked,
        closed,
        session,
        "null" if drawn[4] < 44 else path,
    )
