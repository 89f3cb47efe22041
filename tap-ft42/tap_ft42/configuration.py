"""Reads settings as people write them, and says which values are refused.

A refused value is never shown, as it may be a password. Nor is what a file of the command line
holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from dotenv import find_dotenv, load_dotenv
from singer_sdk.plugin_base import JSONSchemaValidator

from tap_ft42.api.session import is_loopback
from tap_ft42.declared import privacy
from tap_ft42.declared.instants import milliseconds
from tap_ft42.planning import backfill, cursus

PREFIX = "TAP_FT42_"
"""The beginning of the variables' names."""

_EMPTY = object()
_FORMS = {
    "array": "a list of whole numbers, such as [1, 9]",
    "boolean": "true or false",
    "integer": "a whole number",
    "object": "a JSON object",
    "string": "text, which a file has in quotes",
}
_STORES = frozenset({"sqlite", "redis", "rediss", "postgresql", "postgres"})
_TEXT, _OBJECT = {"type": ["string", "null"]}, {"type": ["object", "null"]}
_PARTITION: dict[str, Any] = {
    **dict.fromkeys(("read_until", "served_at"), _TEXT),
    **dict.fromkeys(("from_scratch", "scope", "census", "hidden", "scores"), _OBJECT),
}
_PARTITIONS = {"type": "array", "items": {"type": "object", "properties": _PARTITION}}
_STATE: dict[str, Any] = {
    "bookmarks": {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "properties": {**_PARTITION, "partitions": _PARTITIONS},
        },
    }
}
_STREAM = {"type": "object", "required": ["tap_stream_id", "schema", "metadata"]}
_FILES: dict[str, dict[str, Any]] = {
    "config": {"type": "object"},
    # A state file of Meltano has the tap's state below a key.
    "state": {
        "type": ["object", "null"],
        "properties": {
            **_STATE,
            "singer_state": {"type": ["object", "null"], "properties": _STATE},
        },
    },
    "catalog": {
        "type": ["object", "null"],
        "properties": {"streams": {"type": "array", "items": _STREAM}},
    },
}
"""By option, a JSON Schema: what the SDK takes for granted of its file."""

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class UnreadableFileError(Exception):
    """A file in the options does not hold what it should."""


def checked(option: str, file: str, text: str) -> str:
    """Return the text of a file if it has the form that its option wants.

    Args:
        option: ``config``, ``state`` or ``catalog``.
        file: How to name the file.
        text: What it holds.

    Raises:
        UnreadableFileError: It is no JSON, or of another form.
    """
    try:
        held = json.loads(text)
    except ValueError as error:
        message = f"{file}: {error}"
        raise UnreadableFileError(message) from None
    for fault in JSONSchemaValidator(_FILES[option]).iter_errors(held):
        path = ".".join(map(str, fault.absolute_path))
        what = f"`{path}` in it" if path else "it"
        message = f"{file}: {what} has not the form of a {option}. Give another file"
        raise UnreadableFileError(message)
    return text


def from_variables(schema: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that are given as variables.

    A variable of the environment wins over one in ``.env``. This file is searched in the
    working directory and above.
    """
    load_dotenv(find_dotenv(usecwd=True), override=False)
    names = {name: PREFIX + name.upper() for name in schema["properties"]}
    return {name: os.environ[key] for name, key in names.items() if key in os.environ}


def normalized(written: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Bring settings into the types of the schema.

    An empty value counts as not set. Text is converted, as variables can only hold text. Text
    that cannot be converted stays as it is: `refusals` will report it.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    values = {
        name: _normalized(value, properties[name]) if name in properties else value
        for name, value in written.items()
    }
    return {name: value for name, value in values.items() if value is not _EMPTY}


def _normalized(value: Any, schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    types = schema.get("type", "string")
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return _EMPTY
        if "string" not in types:
            value = _read(value, is_list="array" in types, is_boolean="boolean" in types)
    if "array" in types and type(value) is int:
        return [value]
    if isinstance(value, dict) and value:
        return normalized(value, schema) or _EMPTY
    return value


def _read(text: str, *, is_list: bool, is_boolean: bool) -> Any:  # noqa: ANN401 - any JSON value
    """Read text as JSON; also ``1, 9`` as a list, and ``yes`` as true."""
    if is_boolean and (text in {"0", "1"} or text.lower() in _WORDS):
        return text == "1" or _WORDS.get(text.lower(), False)
    for json_text in (text, f"[{text}]") if is_list else (text,):
        try:
            return json.loads(json_text)
        except (ValueError, RecursionError):
            continue
    return text


def refusals(settings: dict[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with settings; fill in defaults for those that are not set."""
    for name in [name for name, value in settings.items() if value is None]:
        del settings[name]
    refused = {
        f"{_named(name)} is missing"
        for name in schema.get("required", ())
        if name not in settings
    }
    for error in JSONSchemaValidator(schema).iter_errors(settings):
        if path := list(error.absolute_path):
            refused.add(f"{_named(path[0])} must be {_form(schema['properties'][path[0]])}")
    for name, is_right, form in (
        ("api_url", _is_safe, "an https:// URL, or an http:// one of this machine"),
        ("quota_store", _is_store, "a file, or a redis://, rediss:// or postgresql:// URL"),
        ("start_date", _is_instant, _form(schema["properties"]["start_date"])),
        ("end_date", _is_instant, _form(schema["properties"]["end_date"])),
    ):
        value = settings.get(name)
        if isinstance(value, str) and not is_right(value):
            refused.add(f"{_named(name)} must be {form}")
    yield from sorted(refused)
    if refused:
        return
    for contradiction in (each.refusal(settings) for each in (cursus, backfill, privacy)):
        if contradiction is not None:
            yield contradiction


def _named(setting: str) -> str:
    return f"{setting} ({PREFIX}{setting.upper()})"


def _form(schema: Mapping[str, Any]) -> str:
    """Describe which values a setting may have."""
    if examples := schema.get("examples"):
        return f"written as in {' or '.join(examples)}"
    form = next((_FORMS[name] for name in schema["type"] if name in _FORMS), "JSON")
    match schema:
        case {"minimum": least, "maximum": most}:
            form += f" from {least} to {most}"
        case {"minimum": least}:
            form += f" of {least} or more"
        case {"properties": properties}:
            form += f' such as {{"{next(iter(properties), "name")}": 12}}'
    return form


def _is_safe(url: str) -> bool:
    """Tell whether a URL protects the secret and the token on their way.

    It is parsed as requests parses it, as other libraries understand some URLs differently.
    """
    try:
        sent = urlsplit(requests.Request("GET", url).prepare().url or "")
    except (requests.RequestException, ValueError):
        return False
    return not sent.query and (
        sent.scheme == "https" or (sent.scheme == "http" and is_loopback(sent.hostname or ""))
    )


def _is_instant(text: str) -> bool:
    """Tell whether a date exists, such as no 30 February."""
    return milliseconds(text) is not None


def _is_store(store: str) -> bool:
    """Tell whether this is the path of a file or a valid URL of a store."""
    try:
        scheme = urlsplit(store).scheme
    except ValueError:
        return False
    if "://" in store:
        return scheme in _STORES
    return not any(sign in store for sign in ("@", "password="))
