"""Endpoints that are declared in one file each.

Every module of this package has an `ENDPOINT`, and nothing else has to name it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ft42_sandbox.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = tuple(
    import_module(f"{__name__}.{module.name}").ENDPOINT
    for module in sorted(iter_modules(__path__), key=lambda module: module.name)
)
"""All endpoints, in the order of their names."""
