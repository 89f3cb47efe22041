"""The streams of the tap, in the order in which a run reads them.

A stream is a class in a module of this package, which declares its `Listing`, and a
schema of the same name; nothing else has to name it.
"""

from __future__ import annotations

from collections import defaultdict
from importlib import import_module
from inspect import isclass
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from tap_ft42.singer.rows import SCHEMAS
from tap_ft42.singer.stream import FT42Stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def _declared() -> Iterator[type[FT42Stream]]:
    """Yield the classes of the modules, in the order of their names and their lines."""
    for name in sorted(module.name for module in iter_modules(__path__)):
        module = import_module(f"{__name__}.{name}")
        for member in vars(module).values():
            is_own = isclass(member) and member.__module__ == module.__name__
            if is_own and issubclass(member, FT42Stream):
                yield member


def _in_order() -> Iterator[type[FT42Stream]]:
    """Yield each stream after its parent, its marks and those that its rows refer to.

    Otherwise what seldom changes comes first, in the order of declaration. Children are
    read while their parent is, so that what they refer to is read before it.
    """
    declared = {stream.listing.name: stream for stream in _declared()}
    left = dict(declared)
    below = defaultdict[str, list[str]](list)
    for name, stream in left.items():
        if stream.listing.parent is not None:
            below[stream.listing.parent.name].append(name)

    def after_its_needs(name: str) -> Iterator[type[FT42Stream]]:
        stream = left.pop(name, None)
        if stream is None:
            return
        if stream.listing.parent is not None:
            yield from after_its_needs(stream.listing.parent.name)
        for one in (name, *below[name]):
            for need in _needs(one, declared):
                if need not in below[name]:
                    yield from after_its_needs(need)
        yield stream

    for name in sorted(left, key=lambda name: not left[name].listing.is_reference):
        yield from after_its_needs(name)


def _needs(name: str, declared: Mapping[str, type[FT42Stream]]) -> Iterator[str]:
    """Yield the streams that the rows of one refer to, and which tells of its changes."""
    movers = declared[name].listing.movers
    if movers is not None:
        yield movers.marks
    for column in SCHEMAS.get_schema(name)["properties"].values():
        if "x-references" in column:
            yield column["x-references"]


STREAMS: tuple[type[FT42Stream], ...] = tuple(_in_order())
"""Parents before children, and what rows refer to before the rows."""

__all__ = ["STREAMS"]
