"""``warehouse report``: one complete HTML page, for people who run the pipeline.

The page loads nothing from the network and runs no script: its policy forbids both. Texts from
the API are escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from jinja2 import Environment, PackageLoader, StrictUndefined

from ft42_warehouse.charts import columns, rows
from ft42_warehouse.health import gathered
from ft42_warehouse.overview import Inspection, Overview, Row
from ft42_warehouse.shown import duration, shown

_MOST_CAMPUSES = 15

_HEADLINES = {
    "ok": "All is well",
    "warning": "Fresh, but look at this",
    "broken": "Something is broken",
}


def report(overview: Overview, inspection: Inspection | None = None) -> str:
    """Return the page.

    Args:
        overview: The state of the pipeline.
        inspection: The transaction of the overview, which asks for the other figures; None if
            the server cannot be reached.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    style = (files("ft42_warehouse") / "templates/report.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=PackageLoader("ft42_warehouse"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": shown, "duration": duration}
    return environment.get_template("report.html").render(
        overview=overview,
        headline=_HEADLINES[overview.status],
        findings=list(gathered(overview.findings)),
        style=style,
        policy=policy(style),
        **(_details(inspection) if inspection and inspection.is_possible else {}),
    )


def write_page(page: str, output: Path) -> None:
    """Write the page to a file, or to the standard output if it is named ``-``.

    A reader of the file sees the old page or the new one, never half of a page.

    Raises:
        OSError: The file cannot be written.
    """
    if str(output) == "-":
        click.echo(page)
        return
    part = output.with_name(f".{output.name}.part")
    # The page holds ids of people, so only the owner of the file may read it.
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(page, encoding="utf-8")
    part.replace(output)


def policy(style: str) -> str:
    """Return the page's policy: a browser may only apply this style and draw the icon."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _details(inspection: Inspection) -> dict[str, Any]:
    names = (
        "campuses", "changes_by_day", "coalitions", "disappeared", "erasures", "orphans",
        "rejected", "requests_by_day", "runs",
    )  # fmt: skip
    details: dict[str, Any] = {name: inspection.rows(f"report/{name}") for name in names}
    return {
        "details": details,
        "requests_chart": _requests_chart(details["requests_by_day"]),
        "changes": list(_changes(details["changes_by_day"])),
        "campus_chart": _campus_chart(details["campuses"]),
    }


def _requests_chart(days: list[Row]) -> str:
    return columns(
        "Requests a day, and how many were needed; the figures are in the table below",
        [_day(row) for row in days],
        {
            "sent": [row["requests"] for row in days],
            "needed": [row["lower_bound"] for row in days],
        },
    )


def _changes(rows_by_day: list[Row]) -> Iterator[dict[str, Any]]:
    """Yield a chart for each table that has new or changed rows."""
    for name, group in groupby(rows_by_day, key=lambda row: row["name"]):
        days = list(group)
        if any(row["came"] or row["changed"] for row in days):
            yield {
                "name": name,
                "days": days,
                "came": sum(row["came"] for row in days),
                "changed": sum(row["changed"] for row in days),
                "chart": columns(
                    f"Changes a day in {name}; the figures are in the table below",
                    [_day(row) for row in days],
                    {"changed": [row["changed"] for row in days]},
                    height=120,
                    width=300,
                ),
            }


def _campus_chart(campuses: list[Row]) -> str | None:
    largest = campuses[:_MOST_CAMPUSES]
    if not largest:
        return None
    return rows(
        "Students by campus; the figures are in the table below",
        [row["name"] or "" for row in largest],
        [row["students"] for row in largest],
    )


def _day(row: Row) -> str:
    return f"{row['day'].day} {row['day']:%b}"
