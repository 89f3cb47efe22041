"""Tests import the support modules, and not each other."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def imported(file: Path) -> set[str]:
    """Return all modules that a file may import: ``from a import b`` may mean ``a.b``."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return found


def test_no_test_is_imported() -> None:
    files = [file for folder in ("tests", "tools") for file in (ROOT / folder).rglob("*.py")]
    tests = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in files
        if file.name.startswith("test_")
    }
    assert len(tests) > 50
    taken = {str(file.relative_to(ROOT)): imported(file) & tests for file in files}
    assert {file: names for file, names in taken.items() if names} == {}


def test_no_package_imports_what_is_not_installed_with_it() -> None:
    for package in (
        "tap-ft42/tap_ft42",
        "target-config/ft42_warehouse",
        "sandbox/ft42_sandbox",
    ):
        files = list((ROOT / package).rglob("*.py"))
        assert files, package
        for file in files:
            roots = {name.partition(".")[0] for name in imported(file)}
            assert not roots & {"tests", "tools"}, file
