"""How long answers take."""

from __future__ import annotations

import random
from math import exp, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ft42_sandbox.settings import Behaviour

# Seconds at the median and at the 90th percentile for a page of 100, the least and the most.
PROFILES: dict[str, tuple[float, float, float, float]] = {
    "users": (2.8, 4.3, 1.2, 6.6),
    "projects": (4.8, 7.0, 2.5, 12.0),
    "coalitions": (12.0, 25.0, 6.0, 37.0),
    "blocs": (2.0, 4.0, 0.8, 8.0),
    "campus": (0.38, 0.6, 0.2, 1.2),
    "cursus": (0.38, 0.6, 0.2, 1.2),
    "achievements": (0.85, 1.3, 0.4, 2.5),
    "coalitions_users": (0.87, 1.3, 0.4, 3.0),
    "achievements_users": (0.87, 1.3, 0.4, 3.0),
    "campus_users": (0.6, 1.0, 0.3, 2.0),
    "cursus_users": (2.8, 4.3, 1.2, 7.0),
    "projects_users": (3.2, 5.5, 1.2, 10.0),
    "one": (0.3, 0.5, 0.2, 1.0),
    "refused": (0.19, 0.22, 0.15, 0.3),
}
# For a route with only one measured answer: the same, as multiples of that answer.
SPREAD = (1.6, 0.4, 3.0)
# Nobody has measured a graph over so many rows: its time is a setting.
GRAPH = "graph"
# Standard deviations from the median to the 90th percentile of a normal distribution.
NINTH_DECILE = 1.2816
# A page of one row takes this share of a page of a hundred.
FIXED_SHARE = 0.35


class Latency:
    """Draws the seconds an answer takes from the measured distributions."""

    def __init__(
        self, behaviour: Behaviour, seed: int, medians: Mapping[str, float] | None = None
    ) -> None:
        """Draw with this seed.

        Args:
            behaviour: says whether answers take time, and how much.
            seed: the seed of the random numbers.
            medians: measured seconds of single routes.
        """
        self._behaviour = behaviour
        self._profiles = PROFILES | {
            route: (seconds, *(seconds * factor for factor in SPREAD))
            for route, seconds in (medians or {}).items()
        }
        self._random = random.Random(seed)  # noqa: S311 - waiting times, not secrets

    def seconds(self, profile: str, rows: int = 100) -> float:
        """How long an answer of this many rows takes; 0 for lists if latency is off."""
        if profile == GRAPH:
            return self._behaviour.graph_seconds_per_million * rows / 1_000_000
        if self._behaviour.latency != "real":
            return 0.0
        median, decile, least, most = self._profiles.get(profile, PROFILES["one"])
        drawn = exp(self._random.gauss(log(median), log(decile / median) / NINTH_DECILE))
        if profile not in {"one", "refused"}:
            drawn = max(least, drawn) * (FIXED_SHARE + (1 - FIXED_SHARE) * min(rows, 100) / 100)
        return max(0.05, min(drawn, most)) * self._behaviour.latency_factor
