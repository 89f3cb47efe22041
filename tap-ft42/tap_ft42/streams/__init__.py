"""The streams of the tap, in the order in which a run reads them.

A stream is a class in a module of this package. The class declares its `Listing`; a schema
has the same name. No other code has to name the stream.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.resources import files
from inspect import isclass
from pkgutil import iter_modules

from tap_ft42.declared.declarations import Schema, checked
from tap_ft42.declared.listing import Listing
from tap_ft42.singer.stream import FT42Stream


def _declared() -> Iterator[type[FT42Stream]]:
    """Yield the stream classes of all modules, in the order of modules and of lines."""
    for name in sorted(module.name for module in iter_modules(__path__)):
        module = import_module(f"{__name__}.{name}")
        for member in vars(module).values():
            is_own = isclass(member) and member.__module__ == module.__name__
            if is_own and issubclass(member, FT42Stream):
                yield member


def _texts(names: Iterable[str]) -> dict[str, str | None]:
    """Return the texts of the schema files, by stream; None for a missing file."""
    folder = files("tap_ft42") / "schemas"
    paths = {name: folder / f"{name}.json" for name in names}
    return {
        name: path.read_text(encoding="utf-8") if path.is_file() else None
        for name, path in paths.items()
    }


def _in_order() -> Iterator[type[FT42Stream]]:
    """Yield each stream after its parent and all streams that it needs.

    Apart from that, reference lists come first, and streams come in the order of declaration.
    Children are read together with their parent, so what they need comes before the parent.
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
    """Yield the streams that a stream refers to, and the one that its `Movers` name."""
    if listing.movers is not None:
        yield listing.movers.marks
    for column in schema["properties"].values():
        if "x-references" in column:
            yield column["x-references"]


STREAMS: tuple[type[FT42Stream], ...] = tuple(_in_order())
"""All streams: parents before children, and referenced streams before those that refer."""

__all__ = ["STREAMS"]
