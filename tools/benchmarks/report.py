"""Tables that are read in a terminal and in Markdown alike."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from pathlib import Path

Value = str | int | float | None


@dataclass
class Table:
    """Rows with the same columns.

    Attributes:
        title: what is compared.
        notes: what one must know to read it.
        rows: by column; floats are shown with one digit, or none from 100 on, and a
            missing value as a dash.
    """

    title: str
    notes: str
    rows: list[dict[str, Value]] = field(default_factory=list)

    def markdown(self) -> str:
        """Return title, notes and an aligned table."""
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        cells = [columns, *([_shown(row.get(name)) for name in columns] for row in self.rows)]
        widths = [max(len(line[number]) for line in cells) for number in range(len(columns))]
        lines = [
            "| "
            + " | ".join(
                text.rjust(width) if number else text.ljust(width)
                for number, (text, width) in enumerate(zip(line, widths, strict=True))
            )
            + " |"
            for line in cells
        ]
        rule = "|".join(
            "-" * (width + 2) if not number else "-" * (width + 1) + ":"
            for number, width in enumerate(widths)
        )
        return "\n".join(
            [f"## {self.title}", self.notes, "", lines[0], f"|{rule}|", *lines[1:]]
        )


def _shown(value: Value) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else value


def machine() -> dict[str, Value]:
    """Describe the machine, without its name."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "GB of memory": round(psutil.virtual_memory().total / 1e9, 1),
        "load before": round(os.getloadavg()[0], 2),
    }


def write(directory: Path, header: str, about: dict[str, Any], tables: list[Table]) -> None:
    """Write ``report.md`` and ``report.json`` into a folder."""
    directory.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join([header, *(table.markdown() for table in tables)])
    (directory / "report.md").write_text(text + "\n")
    content = {
        **about,
        "tables": [{"title": t.title, "notes": t.notes, "rows": t.rows} for t in tables],
    }
    (directory / "report.json").write_text(json.dumps(content, indent=2) + "\n")
