"""Draws charts as SVG, so that a page with charts needs no script and no network.

The page's style sheet decides how they look, in light and dark mode. A table beside each chart
has its figures, for people who cannot see it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from math import floor, log10
from xml.etree import ElementTree as ET

import pygal
from pygal.style import Style

from ft42_warehouse.shown import shown

# The import of pygal adds a finder of modules for its plugins. Python 3.12 cannot use it, and
# 3.11 warns of it whenever a module is not found.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

_FONT_SIZE = 13
_STEPS = (1, 2, 4, 5, 8, 10)
_MOST_LABELS = 5
_LONGEST_LABEL = 20
_OVERLAYS = ("overlay", "titles")
"""Groups that only the library's script uses."""


def columns(
    text: str,
    labels: Sequence[str],
    series: Mapping[str, Sequence[int]],
    *,
    height: int = 200,
    width: int = 400,
) -> str:
    """Draw a chart with a column for each label and series.

    Args:
        text: A description of the chart, for people who cannot see it.
        labels: The labels below the columns; only as many as fit are written.
        series: The figures by name, one for each label.
        height: Height in units of the drawing.
        width: Width in units of the drawing, which is scaled to the space on the page.

    Returns:
        SVG in which all text is escaped.
    """
    top = _ceiling(max((value for values in series.values() for value in values), default=0))
    chart = pygal.Bar(**_look(width, height), y_labels=_marks(top), range=(0, top))
    chart.x_labels = labels
    chart.x_labels_major_every = max(1, -(-len(labels) // _MOST_LABELS))
    chart.show_minor_x_labels = False
    for name, values in series.items():
        chart.add(name, list(values))
    return _drawn(chart, text)


def rows(text: str, labels: Sequence[str], values: Sequence[int], *, width: int = 400) -> str:
    """Draw a chart with a horizontal bar for each label, the first at the top."""
    top = _ceiling(max(values, default=0))
    chart = pygal.HorizontalBar(
        **_look(width, 40 + 24 * len(labels)), y_labels=_marks(top), range=(0, top)
    )
    chart.x_labels = [_shortened(label) for label in reversed(labels)]
    chart.add(text, list(reversed(values)))
    return _drawn(chart, text)


def _look(width: int, height: int) -> dict[str, object]:
    return {
        "width": width, "height": height, "margin": 2, "margin_top": 8, "margin_right": 10,
        "spacing": 6, "js": [], "css": [], "show_legend": False, "print_values": False,
        "truncate_label": -1,
        "value_formatter": lambda value: f"{value:,.0f}",
        "style": Style(label_font_size=_FONT_SIZE, major_label_font_size=_FONT_SIZE),
    }  # fmt: skip


def _ceiling(value: int) -> int:
    """Round a value up to a round figure, which is even unless it is 1."""
    if value <= 1:
        return 1
    unit = 10 ** floor(log10(value))
    return max(2, next(int(step * unit) for step in _STEPS if step * unit >= value))


def _shortened(name: str) -> str:
    label = shown(name)
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"


def _marks(top: int) -> list[int]:
    return [0, top // 2, top] if top > 1 else [0, 1]


def _drawn(chart: pygal.Graph, text: str) -> str:
    root = chart.render_tree()
    root.attrib.update({"role": "img", "aria-label": text})
    root.attrib.pop("id", None)
    for parent in list(root.iter()):
        for child in list(parent):
            if _is_superfluous(child):
                parent.remove(child)
            elif child.tag == "desc":
                # The tooltip of a bar.
                child.tag = "title"
                child.attrib.clear()
    return ET.tostring(root, encoding="unicode")


def _is_superfluous(element: ET.Element) -> bool:
    """Tell whether an element is only for the library's own style and script."""
    kind = element.get("class", "")
    return (
        element.tag in {"defs", "title", ET.Comment}
        or (element.tag == "desc" and kind != "value")
        or (element.tag == "g" and any(word in kind for word in _OVERLAYS))
    )
