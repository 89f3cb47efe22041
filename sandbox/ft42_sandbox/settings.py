"""The settings of a sandbox: its generated world, and its behaviour."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from ft42_sandbox.instants import at

if TYPE_CHECKING:
    from ft42_sandbox.columns import Value

# The instant of the generated data.
DATA_EPOCH = "2026-10-12T00:00:00.000Z"


@dataclass(frozen=True)
class World:
    """The settings from which the data is generated. The same world always has the same rows.

    `users` counts all accounts; about 80 % of them are students of cursus 21 who are not
    alumni. `enrolments` counts the rows of projects_users.
    """

    users: int = 1500
    enrolments: int = 20_000
    seed: int = 42
    achievements_per_user: int = 20
    project_detail: str = "auto"
    epoch: str = DATA_EPOCH

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be generated."""
        try:
            at(self.epoch)
        except ValueError:
            msg = f"epoch must be an instant such as {DATA_EPOCH}"
            raise ValueError(msg) from None
        if self.users < 50:
            msg = "users must be 50 or more"
            raise ValueError(msg)
        if self.enrolments < 0 or self.achievements_per_user < 0:
            msg = "enrolments and achievements-per-user must not be negative"
            raise ValueError(msg)
        if self.project_detail not in {"auto", "light", "full"}:
            msg = "project-detail must be auto, light or full"
            raise ValueError(msg)

    @property
    def full_projects(self) -> bool:
        """Whether projects carry all campuses and sessions: a page of 100 is then 4 MB."""
        return self.project_detail == "full" or (
            self.project_detail == "auto" and self.users >= 10_000
        )


@dataclass
class Behaviour:
    """The settings that can be changed while the sandbox runs.

    For each uncertain fact about the real API, there is a switch here.
    """

    requests_per_second: int = 2
    requests_per_hour: int = 1200
    refused_requests_count: bool = False
    stray_429: float = 0.0
    retry_after: bool = True
    latency: str = "none"
    latency_factor: float = 1.0
    expires_in: int = 7200
    newer_token_answer: bool = False
    require_user_agent: bool = True
    max_filter_values: int = 300
    projects_users_sort: str = "accepted"
    cursus_filter_restricts: bool = True
    score_range: str = "accepted"
    graphs: str = "answered"
    graph_zone: str = "UTC"
    graph_names_empty_days: bool = False
    graph_heeds_filters: bool = True
    graph_seconds_per_million: float = 0.0
    unstable_ties: bool = False
    life: str = "off"
    life_rate: float = 1.0
    life_seconds_per_request: float = 60.0
    life_events_per_request: dict[str, int] = field(default_factory=dict)
    no_total: list[str] = field(default_factory=list)

    def change(self, values: dict[str, Any]) -> None:
        """Set new values.

        Raises:
            ValueError: for an unknown name, a value of another type or an unknown word. Then
                nothing is changed.
        """
        known = {item.name: item for item in fields(self)}
        accepted: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                msg = f"there is no setting {name}; settings are: {', '.join(sorted(known))}"
                raise ValueError(msg)
            accepted[name] = same_type(name, value, getattr(Behaviour(), name))
        for name, value in accepted.items():
            setattr(self, name, value)

    def describe(self) -> dict[str, Any]:
        """All settings and their values."""
        return asdict(self)


WORDS = {
    "latency": {"none", "real"},
    "life": {"off", "clock", "requests"},
    "projects_users_sort": {"accepted", "ignored", "refused"},
    "score_range": {"accepted", "ignored", "refused"},
    "graphs": {"answered", "refused", "missing"},
    "graph_zone": {"UTC", "Europe/Paris"},
}


def same_type(name: str, value: Value, default: Value) -> Value:
    """A value that came as JSON, if it can replace the usual one.

    Raises:
        ValueError: if it has another type, is negative, or is an unknown word.
    """
    if name in WORDS and value not in WORDS[name]:
        msg = f"{name} must be one of: {', '.join(sorted(WORDS[name]))}"
        raise ValueError(msg)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(default):
        msg = f"{name} must be {type(default).__name__}, not {type(value).__name__}"
        raise ValueError(msg)
    if isinstance(value, int | float) and value < 0:
        msg = f"{name} must not be negative"
        raise ValueError(msg)
    return value
