"""How long validators take for an enrolment with two teams.

``python -m tools.benchmarks.validators`` measures, as does ``make bench``.
`tap_ft42.declared.records` checks every row that it emits, so this is its dearest step but one.
"""

from __future__ import annotations

import timeit
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click
from ft42_sandbox.testing import running_sandbox

from tools.benchmarks.columns import paths_of, row_of, schema_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.benchmarks.report import Value

REPEATS = 5
SECONDS = 0.2


def measure() -> list[dict[str, Value]]:
    """Measure each validator that is installed.

    Returns:
        A row each: the least microseconds a row in five tries, or that it is missing.
    """
    schema = schema_of("projects_users")
    row = enrolment(schema)
    rows: list[dict[str, Value]] = []
    for name, compiled in VALIDATORS.items():
        try:
            check = compiled(schema)
        except ModuleNotFoundError:
            rows.append({"validator": name, "µs a row": None})
            continue
        assert check(row), f"{name} refuses the row"
        assert not check({**row, "id": "1"}), f"{name} accepts a broken row"
        timer = timeit.Timer(partial(check, row))
        count = max(1, int(SECONDS / timer.timeit(1)))
        best = min(timer.repeat(REPEATS, count)) / count
        rows.append({"validator": name, "µs a row": best * 1e6})
    return rows


def enrolment(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the row of an enrolment with two teams, as the sandbox sends it."""
    with running_sandbox(users=200, enrolments=2_000) as sandbox:
        record = next(
            record for record in sandbox.truth("projects_users") if len(record["teams"]) == 2
        )
    return row_of(record, paths_of(schema), {"campus_id": 1, "cursus_id": 21})


def _jsonschema_rs(schema: dict[str, Any]) -> Callable[[Any], bool]:
    is_valid: Callable[[Any], bool] = (
        import_module("jsonschema_rs").validator_for(schema).is_valid
    )
    return is_valid


def _fastjsonschema(schema: dict[str, Any]) -> Callable[[Any], bool]:
    module = import_module("fastjsonschema")
    validate = module.compile(schema)

    def is_valid(row: Any) -> bool:  # noqa: ANN401 - JSON
        try:
            validate(row)
        except module.JsonSchemaException:
            return False
        return True

    return is_valid


def _jsonschema(schema: dict[str, Any]) -> Callable[[Any], bool]:
    module = import_module("jsonschema")
    is_valid: Callable[[Any], bool] = module.validators.validator_for(schema)(schema).is_valid
    return is_valid


VALIDATORS: dict[str, Callable[[dict[str, Any]], Callable[[Any], bool]]] = {
    "jsonschema-rs": _jsonschema_rs,
    "fastjsonschema": _fastjsonschema,
    "jsonschema": _jsonschema,
}


if __name__ == "__main__":
    for line in measure():
        click.echo(f"{line['validator']!s:<16}{line['µs a row'] or 'not installed'}")
