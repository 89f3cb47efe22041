"""Mutants: the code with one small thing broken.

Cosmic Ray makes those of Python; those of SQL are words put for their opposites.
"""

from __future__ import annotations

import ast
import random
import re
import warnings
from dataclasses import dataclass
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import cosmic_ray.plugins
from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import mutate_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cosmic_ray.operators.operator import Operator
    from parso.tree import NodeOrLeaf

ROOT = Path(__file__).resolve().parents[1]
TAP = "tap-ft42/tap_ft42"

_UNUSED = ("BitOr", "ExceptionReplacer", "RemoveDecorator", "Variable")
"""Operators whose mutants are the same program (types, ``@override``), that know exceptions
by a single name only, or that need settings."""

_OPPOSITES = (
    (r"\bNOT EXISTS\b", "EXISTS"),
    (r"(?<!NOT )\bEXISTS\b", "NOT EXISTS"),
    (r"\bIS DISTINCT FROM\b", "IS NOT DISTINCT FROM"),
    (r"\bIS NOT NULL\b", "IS NULL"),
    (r"\bNOT IN\b", "IN"),
    (r"\bAND\b", "OR"),
    (r"\bOR\b", "AND"),
    (r"(?<= )>=(?= )", "<"),
    (r"(?<= )<=(?= )", ">"),
    (r"(?<= )<(?= )", ">="),
    (r"(?<= )=(?= )", "<>"),
)
"""What is put for what in a statement."""

_GUARDS = {"frozen", "kw_only", "slots", "strict"}
"""Arguments that only refuse what the program does not do."""


@dataclass(frozen=True)
class Room:
    """Code of one kind, and the tests that can notice.

    Attributes:
        code: Patterns of its files.
        tests: Patterns of the tests' files.
    """

    code: tuple[str, ...]
    tests: tuple[str, ...] = ("tests/tap/test_*.py",)


ROOMS = {
    "reading": Room((f"{TAP}/reading/*.py",)),
    "planning": Room((f"{TAP}/planning/*.py",)),
    "quota": Room((f"{TAP}/api/quota.py", f"{TAP}/api/budget.py")),
    "census": Room((f"{TAP}/census/*.py",)),
    "publish": Room(
        (
            "target-config/ft42_warehouse/sql/publish/*.sql",
            "target-config/ft42_warehouse/sql/parts/missing.sql",
            "target-config/ft42_warehouse/sql/parts/waiting*.sql",
        ),
        (
            "tests/warehouse/erasure/test_*.py",
            *(
                f"tests/warehouse/test_{name}.py"
                for name in ("publish", "orphans", "copies", "disappearance", "check", "shards")
            ),
        ),
    ),
}


@dataclass(frozen=True)
class Place:
    """One small thing that can be broken.

    Attributes:
        room: The name of its room.
        file: Where.
        line: The line, from 1.
        made: What makes the text of the file with it, from the text.
    """

    room: str
    file: Path
    line: int
    made: Callable[[str], str | None]


@dataclass(frozen=True)
class Mutant:
    """A file with one thing broken.

    Attributes:
        place: What.
        source: The text of the file as it was.
        text: And as it became.
    """

    place: Place
    source: str
    text: str

    @property
    def reached_at(self) -> set[str]:
        """The statements to one of which a test has to come to notice; empty for SQL."""
        file, line = self.place.file, self.place.line
        lines = _reached_at(ast.parse(self.source), line) if file.suffix == ".py" else ()
        return {f"{file}:{one}" for one in lines}

    @property
    def change(self) -> tuple[str, str]:
        """The first line that differs, as it was and as it became."""
        lines = zip(self.source.splitlines(), self.text.splitlines(), strict=False)
        old, new = next((old, new) for old, new in lines if old != new)
        return old.strip(), new.strip()


class _Positions(Visitor):  # type: ignore[misc] # it comes without types
    """Finds the lines in which operators of Cosmic Ray can break something."""

    def __init__(self, operators: Sequence[Operator]) -> None:
        self.lines: list[tuple[Operator, list[int]]] = [(one, []) for one in operators]

    def visit(self, node: NodeOrLeaf) -> NodeOrLeaf:
        for operator, lines in self.lines:
            lines += [start[0] for start, _ in operator.mutation_positions(node)]
        return node


def mutants_of(places: Iterable[Place]) -> Iterator[Mutant]:
    """Break one thing after the other, each program once.

    What becomes no program, or the same one, says nothing of the tests.
    """
    seen = set[str]()
    for place in places:
        source = (ROOT / place.file).read_text(encoding="utf-8")
        if (text := place.made(source)) is None:
            continue
        try:
            meant, known = (_meaning(one, place.file) for one in (text, source))
        except SyntaxError:
            continue
        if meant != known and meant not in seen:
            seen.add(meant)
            yield Mutant(place, source, text)


def places_of(names: Iterable[str], seed: int) -> Iterator[Place]:
    """Yield what can be broken in some rooms in a random order, the rooms in turn."""
    rooms = []
    for name in names:
        places = [
            place
            for pattern in ROOMS[name].code
            for file in sorted(ROOT.glob(pattern))
            for place in (_of_sql if file.suffix == ".sql" else _of_python)(name, file)
        ]
        # Whichever other rooms there are, a room's sample is the same.
        random.Random(f"{seed} {name}").shuffle(places)  # noqa: S311 - no secret
        rooms.append(places)
    for row in zip_longest(*rooms):
        yield from filter(None, row)


def files_of(patterns: Iterable[str]) -> list[str]:
    """Return the files that patterns name, each once."""
    found = (sorted(ROOT.glob(pattern)) for pattern in patterns)
    return list(dict.fromkeys(str(file.relative_to(ROOT)) for file in chain(*found)))


def _of_python(room: str, file: Path) -> Iterator[Place]:
    source = file.read_text(encoding="utf-8")
    positions = _Positions(
        [
            cosmic_ray.plugins.get_operator(name)()
            for name in cosmic_ray.plugins.operator_names()
            if not any(unused in name for unused in _UNUSED)
        ]
    )
    positions.walk(get_ast(source))
    for operator, found in positions.lines:
        for number, line in enumerate(found):
            made = partial(mutate_code, operator=operator, occurrence=number)
            yield Place(room, file.relative_to(ROOT), line, made)


def _of_sql(room: str, file: Path) -> Iterator[Place]:
    source = file.read_text(encoding="utf-8")
    for pattern, opposite in _OPPOSITES:
        for found in re.finditer(pattern, source):
            begin = source.rfind("\n", 0, found.start()) + 1
            before = source[begin : found.start()]
            if "--" not in before and not re.search(r"\bSET\b", before):  # no comparison
                made = partial(_replaced, span=found.span(), text=opposite)
                line = source.count("\n", 0, begin) + 1
                yield Place(room, file.relative_to(ROOT), line, made)


def _replaced(source: str, span: tuple[int, int], text: str) -> str:
    start, end = span
    return source[:start] + text + source[end:]


def bodies_of(tree: ast.AST) -> list[list[ast.stmt]]:
    """Return the lists of statements that lie in functions."""
    found = {}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                for _, value in ast.iter_fields(node):
                    if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                        found[id(value)] = value
    return list(found.values())


def _reached_at(tree: ast.Module, line: int) -> set[int]:
    """Return the statement of which a line is part; if in no function, those that use it."""
    statements = list(chain(*bodies_of(tree)))
    if around := [one for one in statements if line in _lines(one)]:
        return {min(around, key=lambda one: len(_lines(one))).lineno}
    outer = next((one for one in tree.body if line in _lines(one)), None)
    names = (
        {node.id for node in ast.walk(outer) if isinstance(node, ast.Name)}
        if isinstance(outer, ast.Assign | ast.AnnAssign)
        else set()
    )
    users = [
        one
        for one in statements
        if any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(one))
    ]
    return {one.lineno for one in users or statements}


def _lines(statement: ast.stmt) -> range:
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def _meaning(source: str, file: Path) -> str:
    """Return what is the same for programs that do the same.

    Raises:
        SyntaxError: It is no program.
    """
    if file.suffix == ".sql":
        return source
    tree = ast.parse(source)
    with warnings.catch_warnings(action="ignore"):
        compile(tree, str(file), "exec")
    return ast.unparse(_Meaning().visit(tree))


class _Meaning(ast.NodeTransformer):
    """Leaves of a program only what makes a difference where it runs."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        if node.arg in _GUARDS:
            node.value = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        # The program's own tell checkers of types what holds.
        return ast.copy_location(ast.Pass(), node)

    def visit_If(self, node: ast.If) -> ast.AST:
        if any(getattr(one, "id", "") == "TYPE_CHECKING" for one in ast.walk(node.test)):
            return ast.copy_location(ast.Pass(), node)
        return self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        # What is compared by identity has equals in no other object, and the other way round.
        same = {ast.Is: ast.Eq, ast.IsNot: ast.NotEq}
        node.ops = [same.get(type(one), type(one))() for one in node.ops]
        return self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        inner = node.operand
        if isinstance(node.op, ast.Not) and isinstance(inner, ast.Compare):
            opposite = _NOT.get(type(inner.ops[0]))
            if len(inner.ops) == 1 and opposite:
                return ast.Compare(inner.left, [opposite()], inner.comparators)
        return node


_NOT = {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In}
