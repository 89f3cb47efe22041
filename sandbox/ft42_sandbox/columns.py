"""Kinds of columns, and how each stores null.

Null is the largest value that a kind can hold. So nulls come last in ascending order and first
in descending order, as in PostgreSQL, and therefore at 42.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

# A value of a row: what its kind of column holds, or None.
Value = Any

NULL_INT = int(np.iinfo(np.int32).max)
NULL_INSTANT = int(np.iinfo(np.int64).max)
NULL_BOOL = 2
NULL_CHOICE = int(np.iinfo(np.int16).max)


class Kind(StrEnum):
    """What a column holds; this decides how its text in a query is read."""

    INT = "int"
    BOOL = "bool"
    FLOAT = "float"
    INSTANT = "instant"
    CHOICE = "choice"
    TEXT = "text"
    JSON = "json"


_DTYPES: dict[Kind, Any] = {
    Kind.INT: np.int32,
    Kind.BOOL: np.int8,
    Kind.FLOAT: np.float64,
    Kind.INSTANT: np.int64,
    Kind.CHOICE: np.int16,
    Kind.TEXT: object,
    Kind.JSON: object,
}
_NULLS: dict[Kind, Any] = {
    Kind.INT: NULL_INT,
    Kind.BOOL: NULL_BOOL,
    Kind.FLOAT: np.nan,
    Kind.INSTANT: NULL_INSTANT,
    Kind.CHOICE: NULL_CHOICE,
    Kind.TEXT: None,
    Kind.JSON: None,
}


class Column:
    """One column of a table: an array that can grow."""

    def __init__(self, kind: Kind, data: NDArray[Any] | Sequence[Any]) -> None:
        """Take over an array of encoded values, or encode a list of Python values.

        Args:
            kind: the kind of the values.
            data: a numpy array of encoded values (except for texts and choices), or any other
                sequence of Python values, with None for null.
        """
        self.kind = kind
        self.words: list[str] = []
        self._codes: dict[str, int] = {}
        if isinstance(data, np.ndarray) and kind not in {Kind.CHOICE, Kind.TEXT, Kind.JSON}:
            self._array = data.astype(_DTYPES[kind])
        else:
            self._array = np.empty(len(data), dtype=_DTYPES[kind])
            self._array[:] = [self.encode(value) for value in data]
        self._length = len(self._array)

    @classmethod
    def of_codes(cls, words: Sequence[str], codes: NDArray[Any]) -> Column:
        """A choice column from its words and the index of the word in each row."""
        column = cls(Kind.CHOICE, [])
        for word in words:
            column.encode(word)
        column._array = codes.astype(np.int16)
        column._length = len(codes)
        return column

    @property
    def array(self) -> NDArray[Any]:
        """The encoded values of all rows, dead ones included."""
        return self._array[: self._length]

    def encode(self, value: Value) -> Value:
        """The stored form of a Python value; None becomes the kind's null."""
        if value is None:
            return _NULLS[self.kind]
        if self.kind is Kind.CHOICE:
            if value not in self._codes:
                self._codes[value] = len(self.words)
                self.words.append(value)
            return self._codes[value]
        if self.kind is Kind.BOOL:
            return int(value)
        return value

    def find_code(self, word: str) -> int:
        """The code of a choice's word; -1, which no row has, for an unknown word."""
        return self._codes.get(word, -1)

    def decode(self, stored: Value) -> Value:
        """The Python value of a stored one."""
        return self.decode_many([stored])[0]

    def decode_many(self, stored: Iterable[Any]) -> list[Any]:
        """The Python values of stored ones, None for a null."""
        if self.kind in {Kind.TEXT, Kind.JSON}:
            return list(stored)
        if self.kind is Kind.CHOICE:
            return [None if code == NULL_CHOICE else self.words[code] for code in stored]
        if self.kind is Kind.BOOL:
            return [None if value == NULL_BOOL else bool(value) for value in stored]
        if self.kind is Kind.FLOAT:
            return [None if math.isnan(value) else value for value in stored]
        null = _NULLS[self.kind]
        return [None if value == null else value for value in stored]

    def is_null(self) -> NDArray[np.bool_]:
        """For each row, whether its value is null."""
        if self.kind in {Kind.TEXT, Kind.JSON}:
            return np.fromiter((value is None for value in self.array), bool, self._length)
        if self.kind is Kind.FLOAT:
            return np.asarray(np.isnan(self.array))
        return np.asarray(self.array == _NULLS[self.kind])

    def sort_keys(self, positions: NDArray[Any]) -> NDArray[Any]:
        """Numbers that sort like these rows' values, nulls last."""
        values = self.array[positions]
        if self.kind is Kind.CHOICE:
            order = sorted(range(len(self.words)), key=self.words.__getitem__)
            ranks = np.full(len(self.words) + 1, len(self.words), dtype=np.int32)
            ranks[order] = np.arange(len(order))
            return ranks[np.where(values == NULL_CHOICE, len(self.words), values)]
        if self.kind in {Kind.TEXT, Kind.JSON}:
            texts = [None if value is None else str(value) for value in values]
            ranked = {
                text: n for n, text in enumerate(sorted({t for t in texts if t is not None}))
            }
            return np.asarray([len(ranked) if t is None else ranked[t] for t in texts])
        return np.asarray(values)

    def append(self, value: Value) -> None:
        """Add one row's value."""
        if self._length == len(self._array):
            grown = np.empty(max(16, self._length * 5 // 4), dtype=self._array.dtype)
            grown[: self._length] = self._array
            self._array = grown
        self._array[self._length] = self.encode(value)
        self._length += 1

    def put(self, position: int, value: Value) -> None:
        """Replace one row's value."""
        self._array[position] = self.encode(value)
