"""The address of the repository: ``make docs`` writes it wherever it has to stand.

It is declared once, as ``Repository`` in ``pyproject.toml``.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from tools.tables import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FILES = (
    "README.md",
    "mkdocs.yml",
    "sandbox/pyproject.toml",
    "tap-ft42/pyproject.toml",
    "target-config/dbt/README.md",
    "target-config/pyproject.toml",
)
"""What names it; each address on GitHub that they have is the repository's."""

_ADDRESS = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+")


def repository() -> str:
    """Return the address, such as ``https://github.com/somebody/something``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address: str = project["urls"]["Repository"]
    return address


def files() -> dict[Path, str]:
    """Return what each file says with the address that is declared."""
    address = repository()
    return {
        ROOT / name: _ADDRESS.sub(address, (ROOT / name).read_text(encoding="utf-8"))
        for name in FILES
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
