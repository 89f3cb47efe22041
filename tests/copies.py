"""A copy of the project with endpoints that it does not know, each added in three places."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from tests.known_files import ROOT, copy_known_files
from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

STRANGERS = ROOT / "tests/strangers"
"""A folder an endpoint: a stream, a schema, and an endpoint of the sandbox."""
PLACES = {
    "stream.py": "tap-ft42/tap_ft42/streams/{}.py",
    "schema.json": "schemas/{}.json",
    "endpoint.py": "sandbox/ft42_sandbox/endpoints/{}.py",
}
PACKAGES = ("tap-ft42", "target-config", "sandbox")


@dataclass(frozen=True)
class Copy:
    """A copy of the project that runs with the programs of the original."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """What makes Python import the copy."""
        folders = [self.root, *(self.root / package for package in PACKAGES)]
        return {
            **{name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ},
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
        }

    @contextmanager
    def imported(self) -> Iterator[None]:
        """Let the programs that start meanwhile import the copy."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            yield

    def python(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401 - those of subprocess
        """Run Python in the copy, to a good end."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            **options,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"[-6000:]
        return done

    @cached_property
    def catalog(self) -> dict[str, Any]:
        """What the tap of the copy discovers."""
        settings = self.root / "credentials.json"
        settings.write_text('{"client_id": "anybody", "client_secret": "anything"}')
        words = ("-m", "tap_ft42", "--config", str(settings), "--discover")
        found: dict[str, Any] = json.loads(self.python(*words).stdout)
        return found

    def make_docs(self) -> None:
        """Run what ``make docs`` runs."""
        recipe = subprocess.run(
            ["make", "--dry-run", "--old-file=install-dev", "docs"],  # noqa: S607 - any make
            cwd=self.root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        commands = [line.split() for line in recipe.splitlines() if " -m " in line]
        assert len(commands) > 4
        for _, *words in commands:
            self.python(*words)

    def plugin(self, kind: str, name: str, own: Path) -> None:
        """Let Meltano find a plugin that runs the copy.

        Args:
            kind: Such as ``extractors``.
            name: Of the plugin and its program.
            own: The folder of Meltano's plugins.
        """
        origin = ROOT / ".meltano" / kind / name / "venv"
        made = own / kind / name / "venv"
        (made / "bin").mkdir(parents=True)
        for folder, into in ((origin, made), (origin / "bin", made / "bin")):
            for entry in folder.iterdir():
                if entry.name not in {"bin", name}:
                    (into / entry.name).symlink_to(entry)
        program = made / "bin" / name
        path = self.environment["PYTHONPATH"]
        command = f'"{origin}/bin/python" "{origin}/bin/{name}" "$@"'
        program.write_text(f'#!/bin/sh\nPYTHONPATH="{path}" exec {command}\n')
        program.chmod(0o755)


def copied(folder: Path, *endpoints: str) -> Copy:
    """Copy the project, and add endpoints in three places each."""
    root = folder / "copy"
    copy_known_files(root)
    # Git tells which files are the project's.
    subprocess.run(["git", "init", "--quiet", root], check=True)  # noqa: S607 - git is required
    (root / ".local").mkdir()
    for installed in (".venv", ".local/uv"):
        (root / installed).symlink_to(ROOT / installed)
    for name in endpoints:
        for file, place in PLACES.items():
            shutil.copy(STRANGERS / name / file, root / place.format(name))
    return Copy(root)


@contextmanager
def sandbox_of(copy: Copy, **sizes: Any) -> Iterator[RunningSandbox]:  # noqa: ANN401 - those of the sandbox
    """Run the sandbox of a copy."""
    with copy.imported(), running_sandbox(**sizes) as running:
        yield running


@dataclass
class CopiedTap:
    """The tap of a copy, with a folder and settings of its own."""

    copy: Copy
    folder: Path
    settings: Mapping[str, Any]

    @classmethod
    def at(
        cls,
        there: RunningSandbox,
        copy: Copy,
        folder: Path,
        **settings: object,
    ) -> CopiedTap:
        """The tap of a copy, pointed at a sandbox without limits."""
        pointed = {
            "api_url": there.url,
            "client_id": there.client_id,
            "client_secret": there.client_secret,
            "requests_per_second": 0,
            "requests_per_hour": 0,
        }
        return cls(copy, folder, {**pointed, **settings})

    def __post_init__(self) -> None:
        """Write the settings down."""
        self.configure()

    def configure(self, **changes: object) -> None:
        """Change settings of the runs to come."""
        own = {
            "spool": str(self.folder / "spool"),
            "quota_store": str(self.folder / "quota.sqlite"),
        }
        self._write("settings", {**own, **self.settings, **changes})

    def words(self, *streams: str, state: Mapping[str, Any] | None = None) -> list[str]:
        """Return the command line of a run of these streams."""
        catalog = self.copy.catalog
        for entry in catalog["streams"]:
            (root,) = [item for item in entry["metadata"] if item["breadcrumb"] == []]
            root["metadata"]["selected"] = entry["stream"] in streams
        words = ["-m", "tap_ft42", "--config", str(self.folder / "settings.json")]
        words += ["--catalog", self._write("catalog", catalog)]
        return words if state is None else [*words, "--state", self._write("state", state)]

    def run(
        self, *streams: str, state: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Run to a good end, and return the messages."""
        done = self.copy.python(*self.words(*streams, state=state))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start(
        self, *streams: str, state: Mapping[str, Any] | None = None
    ) -> subprocess.Popen[str]:
        """Start a run that is killed later."""
        return subprocess.Popen(
            [sys.executable, *self.words(*streams, state=state)],
            cwd=self.copy.root,
            env=self.copy.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def _write(self, name: str, content: Mapping[str, Any]) -> str:
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        return str(file)


def kill(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Kill a run, and return the messages that it had written."""
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate()
    lines = [line for line in output.splitlines() if line.endswith("}")]
    return [json.loads(line) for line in lines]
