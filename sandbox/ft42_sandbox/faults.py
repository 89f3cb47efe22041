"""Faults: rules that spoil some answers, by route, probability, count and schedule."""

from __future__ import annotations

import fnmatch
import random
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from ft42_sandbox.settings import same_type

# Answers that replace the right one.
ERRORS = (
    "500", "500_sql", "502", "503", "504", "html", "cloudflare", "forbidden", "missing", "429",
)  # fmt: skip
# Ways in which the connection fails.
WIRE = ("cut", "cut_clean", "drop", "drip", "timeout")
# Faults of the token and the quota.
ACCESS = ("expire_token", "use_up_hour")
# Wrong content in a well-formed answer.
CONTENT = ("no_total", "duplicate_row", "extra_field", "missing_field", "wrong_type")
TOKEN = "token"  # noqa: S105 - a route, not a secret
KINDS = ERRORS + WIRE + ACCESS + CONTENT


@dataclass
class Rule:
    """One fault and when it strikes.

    Attributes:
        kind: one of `KINDS`.
        route: the pattern of a route, without its method, such as `/v2/cursus/:id/users`; `*`
            matches anything, except the token endpoint: that is `token`.
        query: a text that the unquoted query must contain.
        probability: the probability that it strikes a matching request.
        count: how often it strikes at most; 0 for no limit.
        after: how many matching requests it skips first.
        every: it strikes only one in so many matching requests.
        start: it strikes only so many seconds after the rule was made.
        stop: after so many seconds it no longer strikes; 0 for no end.
        period: if set, it strikes only in the first `open` seconds of every such period.
        open: see `period`.
        seconds: how long a `timeout` or a `drip` takes.
        column: the field of `extra_field`, `missing_field` and `wrong_type`.
        row: the row of the page that these change, from 0.
        lose: with `duplicate_row`, whether the last row of the page is missing instead.
    """

    kind: str
    route: str = "*"
    query: str = ""
    probability: float = 1.0
    count: int = 0
    after: int = 0
    every: int = 1
    start: float = 0.0
    stop: float = 0.0
    period: float = 0.0
    open: float = 0.0
    seconds: float = 30.0
    column: str = ""
    row: int = 0
    lose: bool = False
    number: int = 0
    seen: int = 0
    struck: int = 0
    made: float = field(default_factory=time.monotonic)

    def matches(self, route: str, query: str) -> bool:
        """Whether this rule is about a request, at this time."""
        age = time.monotonic() - self.made
        if age < self.start or (self.stop and age > self.stop):
            return False
        if self.period and age % self.period > self.open:
            return False
        if route == TOKEN and self.route != TOKEN:
            return False
        return fnmatch.fnmatchcase(route, self.route) and self.query in query

    def strikes(self, drawn: float) -> bool:
        """Count a matching request, and return whether the fault strikes it.

        Args:
            drawn: a random number from 0 to 1 to compare with the probability.
        """
        self.seen += 1
        if self.count and self.struck >= self.count:
            return False
        if self.seen <= self.after or (self.seen - self.after - 1) % self.every:
            return False
        if drawn >= self.probability:
            return False
        self.struck += 1
        return True


# Attributes of a rule that a client may set; the others are for its own use.
SETTABLE = (
    "kind",
    "route",
    "query",
    "probability",
    "count",
    "after",
    "every",
    "start",
    "stop",
    "period",
    "open",
    "seconds",
    "column",
    "row",
    "lose",
)


class Faults:
    """All rules, and which of them strike a request."""

    def __init__(self, seed: int) -> None:
        """Draw with this seed, so that a test gets the same faults every time."""
        self._seed = seed
        self._stray = random.Random(seed)  # noqa: S311 - bad luck, not secrets
        self._rules: list[Rule] = []
        self.clear()

    def add(self, values: dict[str, Any]) -> dict[str, Any]:
        """Make a rule and describe it.

        Raises:
            ValueError: for an unknown kind or name, or a value of another type.
        """
        kind = values.get("kind")
        if kind not in KINDS:
            msg = f"there is no fault {kind}; faults are: {', '.join(KINDS)}"
            raise ValueError(msg)
        unknown = sorted(set(values) - set(SETTABLE))
        if unknown:
            msg = f"a fault has no {', '.join(unknown)}; it has: {', '.join(SETTABLE)}"
            raise ValueError(msg)
        usual = Rule("500")
        checked = {n: same_type(n, v, getattr(usual, n)) for n, v in values.items()}
        self._made += 1
        rule = Rule(**checked, number=self._made)
        rule.every = max(1, rule.every)
        self._rules.append(rule)
        return _describe(rule)

    def clear(self, number: int | None = None) -> None:
        """Remove one rule, or all; the latter also resets the random numbers."""
        if number is not None:
            self._rules = [rule for rule in self._rules if rule.number != number]
            return
        self._rules = []
        self._made = 0
        self._random = random.Random(self._seed)  # noqa: S311 - bad luck, not secrets

    def describe(self) -> list[dict[str, Any]]:
        """All rules, and how often each was matched and struck."""
        return [_describe(rule) for rule in self._rules]

    def strike(self, route: str, query: str) -> dict[str, Rule]:
        """The rules that strike a request, by kind.

        Args:
            route: the pattern of the request's route.
            query: its query, unquoted.
        """
        if not self._rules:
            return {}
        return {
            rule.kind: rule
            for rule in self._rules
            if rule.matches(route, query) and rule.strikes(self._random.random())
        }

    def chance(self, probability: float) -> bool:
        """Draw whether something with this probability happens, independent of all rules."""
        return probability > 0 and self._stray.random() < probability


def _describe(rule: Rule) -> dict[str, Any]:
    settings = asdict(rule)
    settings.pop("made")
    return settings
