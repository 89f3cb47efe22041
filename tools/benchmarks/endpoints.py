"""Where the streams are, for tools that take a table of them."""

from __future__ import annotations

from dataclasses import dataclass, field

INCREMENTAL = frozenset(
    ("projects", "users", "projects_users", "coalitions_users", "achievements_users")
)

_OF_A_CURSUS = frozenset(("projects", "users", "projects_users"))


@dataclass(frozen=True)
class Endpoint:
    """A list of the API.

    Attributes:
        name: the stream and its table.
        path: with the parent's id as ``{id}`` where it takes part in the path.
        params: what narrows the list.
        parent: the stream whose ids it is asked by.
        parent_param: the parameter that takes the parent's id, where the path does not.
        sort: the value of ``sort``; None where none is documented.
        page_size: rows a page.
    """

    name: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    parent: str | None = None
    parent_param: str | None = None
    sort: str | None = "id"
    page_size: int = 100

    @property
    def query(self) -> dict[str, str]:
        """The parameters of every request."""
        sort = {"sort": self.sort} if self.sort else {}
        return {**self.params, **sort, "page[size]": str(self.page_size)}

    @property
    def added(self) -> dict[str, int]:
        """The columns that every request knows and no record has."""
        return {"cursus_id": 21} if self.name in _OF_A_CURSUS else {}


ENDPOINTS = (
    Endpoint("cursus", "/v2/cursus"),
    Endpoint("projects", "/v2/cursus/21/projects", page_size=30),
    Endpoint("achievements", "/v2/achievements"),
    Endpoint(
        "users",
        "/v2/cursus/21/users",
        {"filter[kind]": "student", "filter[alumni?]": "false"},
    ),
    Endpoint("campuses", "/v2/campus"),
    Endpoint(
        "projects_users",
        "/v2/projects_users",
        {"filter[cursus]": "21"},
        parent="campuses",
        parent_param="filter[campus]",
        sort=None,
    ),
    Endpoint("blocs", "/v2/blocs"),
    Endpoint("coalitions", "/v2/coalitions"),
    Endpoint("coalitions_users", "/v2/coalitions/{id}/coalitions_users", parent="coalitions"),
    Endpoint("achievements_users", "/v2/achievements_users"),
)
