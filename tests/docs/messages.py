"""Every text with which the code can say that something went wrong, read off the code."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

VALUE = "…"
"""Stands for what a message is filled with."""

PACKAGES = (ROOT / "tap-ft42/tap_ft42", ROOT / "target-config/ft42_warehouse")
_CHECKS = ROOT / "target-config/ft42_warehouse/sql/check"

_METHODS = {"warning", "error", "critical", "exception", "log"}
"""Methods of a logger."""
_EXPLAINING = {
    "_advice",
    "_violations",
    "broken_promises",
    "explain",
    "objection",
    "redirection",
    "refusal",
    "refusals",
    "refused_credentials",
}
"""Functions that return or yield such texts rather than raising them."""
_PLACEHOLDER = re.compile(r"%(?:\.\d+)?[dfgs]")
_SQL_TEXT = re.compile(r"format\(\s*'([^']+)'")
_FEWEST_LETTERS = 5
_PASSED_ON = re.compile(
    r"errors\.|refusal\(response\)$|str\(error\)$|self\._stopped_by$|'; '\.join|table$"
    r"|encoding$|objection$|.*_advice\(error\)|key$|str\(refusal\)$|faults$"
)
"""What is raised with the text of another exception, or with values for its own."""


@dataclass(frozen=True, order=True)
class Message:
    """A text, with `VALUE` for each value, and where it stands."""

    text: str
    where: str


def printed(packages: Iterable[Path] = PACKAGES) -> set[Message]:
    """Return every text that a user can meet when something is wrong.

    Args:
        packages: Folders of modules.
    """
    found: set[Message] = set()
    for package in packages:
        for file in sorted(package.rglob("*.py")):
            found.update(_in_module(file))
    for file in sorted(_CHECKS.glob("*.sql")):
        for text in _SQL_TEXT.findall(file.read_text(encoding="utf-8")):
            found.add(Message(_filled(text), f"{file.name}"))
    once = {message.text: message for message in found}
    return {message for text, message in once.items() if _says_something(text)}


def unseen() -> list[str]:
    """Return where something is raised with a text that cannot be read off the code.

    An exception is left out that passes on another one, or what `errors` says.
    """
    hidden = []
    for package in PACKAGES:
        for file in sorted(package.rglob("*.py")):
            for function, node in _nodes(ast.parse(file.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
                    continue
                for argument in node.exc.args[:1]:
                    source = ast.unparse(argument)
                    if not (list(_texts(argument, function)) or _PASSED_ON.match(source)):
                        hidden.append(f"{file.name}:{node.lineno}: {source}")
    return hidden


def _in_module(file: Path) -> Iterator[Message]:
    for function, node in _nodes(ast.parse(file.read_text(encoding="utf-8"))):
        for expression in _said(function, node):
            for text in _texts(expression, function):
                yield Message(_filled(text), f"{file.name}:{expression.lineno}")


def _nodes(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield each node with the innermost function that it is in."""

    def walk(node: ast.AST, function: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue  # a docstring
            yield function, child
            if isinstance(child, ast.JoinedStr):
                continue  # its parts are no texts
            inner = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from walk(child, child if inner else function)

    return walk(tree, tree)


def _said(function: ast.AST, node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions in a node that are shown to a user."""
    match node:
        case ast.Raise(exc=ast.Call(args=arguments)):
            yield from arguments
        case ast.Call(func=ast.Attribute(value=of, attr=attr), args=[first, *rest]) if (
            attr in _METHODS
        ):
            text = rest[0] if attr == "log" and rest else first
            match of, text:
                case ast.Call(func=ast.Name(id="Events")), ast.Constant(value=str(said)):
                    yield ast.copy_location(ast.Constant(f"{VALUE}: {said}"), text)
                case _:
                    yield text
        case ast.Call(
            func=ast.Attribute(value=ast.Attribute(attr="budget" | "run"), attr="stop")
        ):
            yield from node.args
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"),
            args=[(ast.JoinedStr() | ast.Constant()) as text],
        ):
            yield text
        case (
            ast.Assign(targets=[ast.Name(id="_ADVICE")], value=ast.Dict(values=texts))
            | ast.AnnAssign(target=ast.Name(id="_ADVICE"), value=ast.Dict(values=texts))
        ):
            yield from texts
        case ast.JoinedStr() | ast.Constant(value=str()) if (
            isinstance(function, ast.FunctionDef)
            and function.name in _EXPLAINING
            and "SET TRANSACTION" not in ast.unparse(node)
        ):
            yield node


def _texts(expression: ast.expr, function: ast.AST) -> Iterator[str]:
    match expression:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else VALUE for part in parts
            )
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one, function)
            yield from _texts(other, function)
        case ast.Name(id=name):
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and any(
                    isinstance(target, ast.Name) and target.id == name
                    for target in node.targets
                ):
                    yield from _texts(node.value, function)


def _filled(text: str) -> str:
    return " ".join(_PLACEHOLDER.sub(VALUE, text).split())


def _says_something(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    return letters >= _FEWEST_LETTERS and " " in text.strip(f" {VALUE}")
