"""The streams of the tap, in the order in which a run reads them.

A stream is a class in a module of this package, which declares its `Listing`, and a
schema of the same name; nothing else has to name it.
"""

from __future__ import annotations

from collections import defaultdict
from importlib import import_module
from importlib.resources import files
from inspect import isclass
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from tap_ft42.declared.declarations import checked
from tap_ft42.singer.stream import FT42Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_ft42.declared.declarations import Schema
    from tap_ft42.declared.listing import Listing


def _declared() -> Iterator[type[FT42Stream]]:
    """Yield the classes of the modules, in the order of their names and their lines."""
    for name in sorted(module.name for module in iter_modules(__path__)):
        module = import_module(f"{__name__}.{name}")
        for member in vars(module).values():
            is_own = isclass(member) and member.__module__ == module.__name__
            if is_own and issubclass(member, FT42Stream):
                yield member


def _texts(names: Iterable[str]) -> dict[str, str | None]:
    """Return what the schema files say, by stream."""
    folder = files("tap_ft42") / "schemas"
    paths = {name: folder / f"{name}.json" for name in names}
    return {
        name: path.read_text(encoding="utf-8") if path.is_file() else None
        for name, path in paths.items()
    }


def _in_order() -> Iterator[type[FT42Stream]]:
    """Yield each stream after its parent, its marks and those that its rows refer to.

    Otherwise what seldom changes comes first, in the order of declaration. Children are
    read while their parent is, so that what they refer to is read before it.
    """
    declared = [*_declared()]
    listings = {stream.listing.name: stream.listing for stream in declared}
    schemas = checked([*listings.values()], _texts(listings))
    left = {stream.listing.name: stream for stream in declared}
    below = defaultdict[str, list[str]](list)
    for name, stream in left.items():
        if stream.listing.parent is not None:
            below[stream.listing.parent.name].append(name)
            stream.parent_stream_type = left[stream.listing.parent.name]

    def after_its_needs(name: str) -> Iterator[type[FT42Stream]]:
        stream = left.pop(name, None)
        if stream is None:
            return
        if stream.listing.parent is not None:
            yield from after_its_needs(stream.listing.parent.name)
        for one in (name, *below[name]):
            for need in _needs(listings[one], schemas[one]):
                if need not in below[name]:
                    yield from after_its_needs(need)
        yield stream

    for name in sorted(left, key=lambda name: not left[name].listing.is_reference):
        yield from after_its_needs(name)


def _needs(listing: Listing, schema: Schema) -> Iterator[str]:
    """Yield the streams that the rows of one refer to, and which tells of its changes."""
    if listing.movers is not None:
        yield listing.movers.marks
    for column in schema["properties"].values():
        if "x-references" in column:
            yield column["x-references"]


STREAMS: tuple[type[FT42Stream], ...] = tuple(_in_order())
"""Parents before children, and what rows refer to before the rows."""

__all__ = ["STREAMS"]
