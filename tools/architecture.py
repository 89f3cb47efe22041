"""Draw the layers of the tap, and count what its mechanisms take: ``make docs``.

Both go into ``docs/explanation/architecture.md``. The layers are those of the contracts in
``pyproject.toml`` that ``make check`` holds the code to, and the arrows are the imports
that there are.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import grimp

from tools.tables import ROOT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    Arrow = tuple[str, str]

PAGE = ROOT / "docs/explanation/architecture.md"
PACKAGE = "tap_ft42"
BEGIN = "<!-- written by tools/architecture.py -->\n"
END = "<!-- /written -->\n"
_CODE = ROOT / "tap-ft42" / PACKAGE

MECHANISMS: Mapping[str, tuple[str, ...]] = {
    "Proof of reads while rows move": (
        "reading/asking.py",
        "reading/in_order.py",
        "reading/paging.py",
        "reading/piecewise.py",
        "reading/reads.py",
        "reading/regions.py",
        "reading/whole.py",
    ),
    "Rows that 42 cannot show": ("reading/around.py", "lists/awaited.py"),
    "Pages in flight": (
        "reading/pipeline.py",
        "reading/running.py",
        "reading/places.py",
        "reading/ahead.py",
    ),
    "Fit to what the API can do": (
        "declared/capabilities.py",
        "reading/bounds.py",
        "reading/facts.py",
        "reading/looks.py",
        "reading/newest.py",
        "lists/corrected.py",
        "lists/traits/filtered.py",
    ),
    "Outages": ("reading/outages.py", "reading/troubles.py"),
    "Spool": ("reading/spool.py",),
    "Quota shared by processes": ("api/quota.py", "api/stores.py"),
    "Clock of the API": ("api/clock.py", "planning/impossible.py"),
    "Sweeps": (
        "planning/sweeps.py",
        "lists/sweeping.py",
        "lists/traits/campuses.py",
        "lists/traits/dealing.py",
        "lists/traits/whereabouts.py",
    ),
    "Reference lists by interval": ("planning/refresh.py", "lists/due.py"),
    "Campuses that are not listed": ("lists/hidden.py", "planning/hidden.py"),
    "People of a scope": ("run/people.py", "lists/traits/newcomers.py"),
    "Points": ("lists/traits/points.py",),
    "Levels": ("lists/traits/freshness.py", "lists/traits/movers.py"),
    "Audit": ("census/audit.py", "census/findings.py", "reading/graph.py"),
    "Census": (
        "census/accounts.py",
        "census/comparing.py",
        "census/counting.py",
        "census/days.py",
        "census/inquiry.py",
        "census/known.py",
        "census/list_census.py",
        "census/open.py",
        "census/owners.py",
        "census/packing.py",
        "census/presence.py",
        "census/settling.py",
        "census/allowance.py",
        "census/totals.py",
        "reading/ids.py",
    ),
    "Plan before a run": ("estimate/costs.py", "estimate/intent.py", "estimate/report.py"),
    "Doctor": (
        "doctor/doctor.py",
        "doctor/examination.py",
        "doctor/findings.py",
        "doctor/observed.py",
        "doctor/report.py",
        "doctor/shapes.py",
    ),
    "Rejected records": ("lists/rejections.py", "singer/own/rejections.py"),
    "Privacy presets": ("declared/privacy.py",),
    "Ledger and progress": ("api/ledger.py", "run/progress.py", "singer/own/runs.py"),
}
"""The files of each mechanism that a run could do without; what it buys, the page says."""


def picture() -> str:
    """Return the layers as a Mermaid graph: an arrow where one imports another.

    Layers that it also reaches by way of others have no arrow of its own.
    """
    layers = contract()
    ranks = {layer: rank for rank, layer in enumerate(layers)}
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    arrows: set[Arrow] = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            pair = _layer(module), _layer(imported)
            if pair[0] != pair[1] and all(layer in ranks for layer in pair):
                arrows.add(pair)
    lines = ["```mermaid", "graph TD"]
    lines += [
        f'  {layer}["{layer}/"]' if _is_package(layer) else f"  {layer}" for layer in layers
    ]
    shown = sorted(_direct(arrows), key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
    lines += [f"  {upper} --> {lower}" for upper, lower in shown]
    return "\n".join([*lines, "```", ""])


def _direct(arrows: Collection[Arrow]) -> Iterator[Arrow]:
    """Yield the arrows but those that others lead around to the same end."""
    for upper, lower in arrows:
        between = {end for begin, end in arrows if begin == upper and end != lower}
        if not any(_leads(arrows, layer, lower) for layer in between):
            yield upper, lower


def _leads(arrows: Collection[Arrow], upper: str, lower: str) -> bool:
    return (upper, lower) in arrows or any(
        _leads(arrows, end, lower) for begin, end in arrows if begin == upper
    )


def contract() -> list[str]:
    """Return the layers that the import contract names, from above."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers: list[str] = next(one for one in contracts if one["id"] == "layers")["layers"]
    return layers


def lines_of(mechanism: str) -> int:
    """Return how many lines a mechanism takes."""
    files = (_CODE / file for file in MECHANISMS[mechanism])
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def with_lines(page: str) -> str:
    """Return the page with the present lines in its table of mechanisms."""
    return "\n".join(_counted(page.split("\n")))


def _counted(lines: list[str]) -> Iterator[str]:
    for line in lines:
        cells = line.split(" | ")
        name = cells[0].removeprefix("| ")
        if name in MECHANISMS:
            cells[1] = f"{lines_of(name):,}"
        yield " | ".join(cells)


def _layer(module: str) -> str:
    return module.removeprefix(f"{PACKAGE}.").partition(".")[0]


def _is_package(layer: str) -> bool:
    return (_CODE / layer).is_dir()


def current(page: str) -> str:
    """Return the page with the present picture and lines."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return with_lines(f"{before}{BEGIN}{picture()}{END}{after}")


def main() -> None:
    """Bring the page up to date."""
    PAGE.write_text(current(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
