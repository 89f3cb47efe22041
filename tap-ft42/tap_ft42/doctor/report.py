"""The doctor's report: a table for a person, and JSON without personal data."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from tap_ft42.declared.words import table
from tap_ft42.doctor.doctor import Diagnosis
from tap_ft42.doctor.observed import ObservedRoute

FORMAT = 1
"""The version of the file's format."""

_HEADS = ("what", "assumed", "found", "so the tap")


def as_text(diagnosis: Diagnosis) -> str:
    """Return the findings as a table with a summary, for a person to read."""
    findings = diagnosis.findings
    rows = [(each.subject, each.assumed, each.found, each.so) for each in findings]
    lines = table([_HEADS, *rows], texts=len(_HEADS))
    without = [finding.subject for finding in findings if not finding.has_way]
    end = f"Cannot be read: {', '.join(without)}." if without else "All can be read."
    cost = f"{diagnosis.requests} requests in {diagnosis.seconds:.0f} s."
    return "\n".join([*lines, "", f"{cost} {end}"])


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the result as JSON: names, numbers and types, but no values of rows."""
    ahead = diagnosis.seconds_ahead
    return {
        "format": FORMAT,
        "made_by": f"tap-ft42 {version('tap-ft42').partition('+')[0]}",
        "day": diagnosis.day.isoformat(),
        "requests": diagnosis.requests,
        "seconds": round(diagnosis.seconds, 1),
        "has_way": diagnosis.has_way,
        "application": asdict(diagnosis.application),
        "clock": {"seconds_ahead": None if ahead is None else round(ahead)},
        "routes": {found.route: _route(found) for found in diagnosis.lists},
        "findings": [asdict(finding) for finding in diagnosis.findings],
    }


def _route(found: ObservedRoute) -> dict[str, Any]:
    head = found.head
    return {
        "stream": found.stream,
        "is_wanted": found.is_wanted,
        "status": found.status if head is None else HTTPStatus.OK,
        "seconds": round(found.seconds, 3),
        "rows": head.count if head else 0,
        "bytes": len(head.body) if head else 0,
        "headers": sorted({name.lower() for one in found.answers for name in one.headers}),
        "can": found.can.as_json(),
        "differs": found.differs,
        "fields": found.fields,
    }
