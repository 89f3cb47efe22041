"""Sets up the stock loader: its log tells no values of rows, and it looks less for cycles.

PostgreSQL quotes values that it refuses: in the text of an error of class 22 or 23, in its
``DETAIL`` and in its ``CONTEXT``. The stock loader logs all of these, with the parameters of
the statement, and has no setting against it. So its log goes through `WithoutValues`
(``target-postgres.logging.yml``). The loader has its own environment, so this module needs
nothing but Python.

What is imported stays to the end, and rows have no cycles. To search both for cycles, again
and again, took Python a sixth of a load, and a quarter of a loader that has nothing to do.
"""

from __future__ import annotations

import gc
import logging
import re

# Their texts are about connections, permissions, objects and the machine.
_SPEAKS_OF_NO_ROW = frozenset(
    ["08", "0A", "25", "28", "2B", "3D", "3F", "40", "42", "53", "54", "55", "57", "58"]
)
"""Classes of SQLSTATE, see the PostgreSQL documentation, Appendix A."""

_COPIED_COLUMN = re.compile(r"^COPY [^\n]*?, line \d+, column ([a-z_][a-z0-9_]*)", re.MULTILINE)
_LEFT_OUT = "The rest of its text is removed, as it may hold values of rows."


_YOUNG = 50_000
"""Python looks for cycles after so many new objects: fewer than a batch of rows has."""


def started() -> WithoutValues:
    """Return the filter of the log; the loader sets it up once all is imported."""
    gc.freeze()
    gc.set_threshold(_YOUNG)
    return WithoutValues()


def without_values(error: BaseException) -> str:
    """Describe an error without values of rows.

    Args:
        error: Any error. One of psycopg is described by its SQLSTATE and the names of table,
            column and constraint; one of SQLAlchemy by its cause.

    Returns:
        One line.
    """
    cause = getattr(error, "orig", None)
    if isinstance(cause, BaseException):
        return without_values(cause)
    if isinstance(error, OSError | ImportError | NotImplementedError):
        return _in_one_line(f"{type(error).__name__}: {error}")
    code, diagnostics = getattr(error, "sqlstate", None), getattr(error, "diag", None)
    if code is None:
        # If the server does not answer, there is no code, and no row in the text.
        is_connection = type(error).__name__ == "OperationalError"
        return _in_one_line(
            str(error) if is_connection else f"{type(error).__name__}. {_LEFT_OUT}"
        )
    if code[:2] in _SPEAKS_OF_NO_ROW:
        return _in_one_line(
            getattr(diagnostics, "message_primary", None) or type(error).__name__
        )
    names = [f"SQLSTATE {code}"]
    copied = _COPIED_COLUMN.search(getattr(diagnostics, "context", None) or "")
    for what in ("schema", "table", "column", "constraint"):
        name = getattr(diagnostics, f"{what}_name", None)
        if name is None and what == "column" and copied:
            name = copied[1]
        if name:
            names.append(f"{what} {name}")
    return _in_one_line(f"{type(error).__name__} ({', '.join(names)}). {_LEFT_OUT}")


class WithoutValues(logging.Filter):
    """Removes values of rows from log records that carry an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace each error by one of the same name without values; log all records."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            reduced = _reduced(error)
            record.exc_info = (type(reduced), reduced, error.__traceback__)
        else:
            arguments = record.args if isinstance(record.args, tuple) else ()
            error = next((each for each in arguments if isinstance(each, BaseException)), None)
        if error is not None:
            # The record's own text repeats the error, or shows the row.
            record.msg, record.args = "%s", (without_values(error),)
        return True


def _reduced(error: BaseException) -> BaseException:
    """Return an error of the same name, with its causes, whose texts hold no values."""
    kind = type(type(error).__name__, (Exception,), {"__module__": type(error).__module__})
    reduced: BaseException = kind(without_values(error)).with_traceback(error.__traceback__)
    if error.__cause__ is not None:
        reduced.__cause__ = _reduced(error.__cause__)
    elif error.__context__ is not None:
        reduced.__context__ = _reduced(error.__context__)
    return reduced


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
