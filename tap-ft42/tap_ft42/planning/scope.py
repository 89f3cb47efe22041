"""The part of the 42 network that a run reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tap_ft42.planning.cursus import cursus_ids


@dataclass(frozen=True, slots=True)
class Scope:
    """The cursus and the campuses that the settings name."""

    cursus_ids: tuple[int, ...]
    """Ids of the cursus that are read, ascending."""
    campus_ids: tuple[int, ...] = ()
    """Ids of the campuses, ascending; empty for all campuses."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Scope:
        """Return the scope that the settings name."""
        return cls(cursus_ids(settings), tuple(sorted(set(settings.get("campus_ids") or ()))))

    def has_campus(self, campus_id: object) -> bool:
        """Tell whether a campus is in scope."""
        return not self.campus_ids or campus_id in self.campus_ids
