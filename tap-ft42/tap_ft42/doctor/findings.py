"""The findings, one line each: what was assumed, what was found, and what the tap does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from tap_ft42.declared.listing import ID
from tap_ft42.doctor.observed import ObservedRoute

_SOON = 7
"""Each run warns in the last so many days of a secret."""
_APART = 60
"""Seconds by which clocks may differ."""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    subject: str
    assumed: str
    found: str
    so: str
    """What the tap does."""
    has_way: bool = True
    """Whether a run can read the list."""


@dataclass(frozen=True)
class Application:
    """What the API says about the application."""

    is_accepted: bool
    roles: str | None = None
    requests_per_second: int | None = None
    requests_per_hour: int | None = None
    secret_days: int | None = None


def of_the_application(
    application: Application, limits: Sequence[Finding], seconds_ahead: float | None
) -> Iterator[Finding]:
    """Yield the findings that concern all lists."""
    if not application.is_accepted:
        yield Finding("credentials", "accepted", "refused", "reads nothing", has_way=False)
        return
    yield Finding("credentials", "accepted", "accepted", "goes on")
    days = application.secret_days
    yield Finding(
        "secret",
        "valid for 28 days",
        "42 does not say" if days is None else f"valid for {days} more days",
        "warns before it ends" if days is None or days > _SOON else "warns in each run",
    )
    yield from limits
    roles = _shown_roles(application.roles)
    yield Finding("roles", "none", roles, "keeps to these limits")
    yield _clock(seconds_ahead)


def _shown_roles(roles: str | None) -> str:
    if not roles:
        return "42 does not say"
    return "none" if roles == "None" else roles


def of_limit(
    unit: str, assumed: int, allowed: int | None, kept: int, *, is_set: bool
) -> Finding:
    """Return the finding about a limit.

    Args:
        unit: Its unit of time.
        assumed: The limit until the API says otherwise; 0 for none.
        allowed: The limit that the API names; None if it names none.
        kept: The limit that runs keep; 0 for none.
        is_set: Whether it comes from a setting.
    """
    found = "42 does not say" if allowed is None else f"{allowed:,}"
    so = f"sends {kept:,} at most" if kept else "sends as many as it can"
    if is_set and allowed is not None and 0 < kept < allowed:
        so += ", because a setting says so"
    subject = f"requests {'an' if unit == 'hour' else 'a'} {unit}"
    return Finding(subject, f"{assumed:,}" if assumed else "any", found, so)


def _clock(seconds_ahead: float | None) -> Finding:
    if seconds_ahead is None:
        return Finding("clock", "that of 42", "42 does not say", "goes by this machine's")
    seconds = round(abs(seconds_ahead))
    found = f"{seconds:,} s {'ahead' if seconds_ahead > 0 else 'behind'}"
    is_right = seconds <= _APART
    so = "goes by it" if is_right else "uses 42's; set this machine's"
    return Finding("clock", "that of 42", "the same" if is_right else found, so)


def of_list(one: ObservedRoute) -> Iterator[Finding]:
    """Yield the findings about one route."""
    name, head, seconds = f"{one.stream} {one.route}", one.head, f"{one.seconds:.1f} s"
    assumed = "may be read" if one.is_wanted else "off"
    if head is None:
        found, so = _failure(one), "tries again in each run"
        if one.is_denied:
            found = f"{one.status}: not for this application"
            so = "reads all other streams, and fails; deselect the stream"
        so = so if one.is_wanted else "does not read it"
        yield Finding(name, assumed, found, so, has_way=not one.is_wanted)
    elif not one.is_examined:
        so = "asks it where that costs less" if one.is_wanted else "does not read it"
        yield Finding(name, assumed, f"may be read, {seconds}", so)
    else:
        differences = [
            Finding(f"{one.stream} {what}", assumed, found, so)
            for what, assumed, found, so in _differences(one)
        ]
        rows = f"{head.count} rows in {seconds}"
        if differences:
            yield Finding(name, assumed, rows, "reads it as follows")
        else:
            yield Finding(name, "as declared", f"as declared, {rows}", "reads it as declared")
        yield from differences
        if not one.is_numbered:
            subject, has_way = f"{one.stream} pages", bool(one.can.ranges)
            so = "reads it in pieces" if has_way else "cannot read it"
            yield Finding(subject, "by number", "always the first", so, has_way=has_way)


def _failure(one: ObservedRoute) -> str:
    return "no answer" if one.status is None else f"answers {one.status}"


_Line: TypeAlias = tuple[str, str, str, str]
"""A word for what differs, what is assumed, what is found, and what the tap does."""


def _differences(one: ObservedRoute) -> Iterator[_Line]:
    can, was = one.can, one.assumed
    size, sorts, ranges = f"{can.page_size} rows", _named(can.sorts), _named(can.ranges)
    by, several = "by number" if can.is_paged else "all in one", can.sorts_by_several
    sorted_by = f"sorts by {sorts}" if can.sorts else "reads it in pieces"
    read_by = f"reads it by {ranges}" if can.ranges else "reads all of it"
    lists, at_a_time = str(can.longest_list), f"asks for {can.longest_list} at a time"
    lines: Sequence[_Line] = (
        ("pages", "by number", by, "takes the one answer"),
        ("page", f"{was.page_size} rows", size, f"asks for {size} at a time"),
        ("totals", was.totals, can.totals, "reads to the end, finds no disappeared rows"),
        ("sort", _named(was.sorts), sorts, sorted_by),
        ("sort by several", "yes", "yes" if several else "no", "reads it in pieces"),
        ("range", _named(was.ranges), ranges, read_by),
        ("bounds of a range", was.bounds, can.bounds, "asks for one more on each side"),
        ("ids in a filter", str(was.longest_list), lists, at_a_time),
    )
    yield from (line for line in lines if line[1] != line[2])
    for column, width in can.widest_ranges.items():
        found = f"{width:,} ids" if column == ID else str(timedelta(milliseconds=width))
        yield f"widest range of {column}", "any", found, "reads it in pieces"
    for parameter in can.ignored_filters:
        if one.is_refused(parameter):
            yield parameter, "narrows", "refused", "asks without it, and checks the rows"
        else:
            yield parameter, "narrows", "does not narrow", "checks the rows"
    if one.failure is not None:
        yield "tests", "answered", _failure(one), "finds out in each run"


def _named(columns: Sequence[str]) -> str:
    return ", ".join(columns) or "none"
