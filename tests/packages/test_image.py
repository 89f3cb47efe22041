"""The steps of the container file, as far as they can be taken without a container."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.known_files import ROOT, copy_known_files

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

HOME = "/home/ft42"
"""Of the image's user."""


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the container file, in order."""
    text = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def test_the_image_installs_itself_and_knows_the_jobs(tmp_path: Path) -> None:
    home = tmp_path / "home"
    project = home / "project"
    copy_known_files(project)
    # Without the network: the image downloads it, by the hashes of tools/uv.txt.
    shutil.copytree(ROOT / ".local/uv", project / ".local/uv")
    (project / ".local/uv/bin/uv").touch()
    own = os.environ | {"UV_OFFLINE": "1", "VERSION": "1.2.3"}

    def call(script: str, **variables: str) -> str:
        done = subprocess.run(
            ["sh", "-e", "-c", script.replace(HOME, str(home))],  # noqa: S607 - any POSIX shell
            cwd=project, env=own | variables,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True,
            timeout=900,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:]
        return done.stdout

    given: dict[str, str] = {}
    is_the_user = False
    for instruction, rest in instructions():
        if instruction == "USER":
            is_the_user = True  # before, root installs packages of the system
        elif instruction == "RUN" and is_the_user:
            call(rest)
        elif instruction == "VOLUME":
            for folder in rest.split():
                assert os.access(folder.replace(HOME, str(home)), os.W_OK), folder
        elif instruction == "ENV":
            given |= {
                name: value.replace(HOME, str(home))
                for name, _, value in (each.partition("=") for each in rest.split())
            }
    assert given["MELTANO_ENVIRONMENT"] == "prod"
    listed = call(".venv/bin/meltano job list", **given)
    assert "nightly" in listed
    assert (project / ".meltano/state/meltano.db").exists()
    assert "1.2.3" in call(".meltano/extractors/tap-ft42/venv/bin/tap-ft42 --version")
    assert not (project / ".venv/bin/ft42-sandbox").exists(), "it is no machine of developers"
