"""The files of the project: what git tracks, or would if it were added."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def known_files(*within: str) -> list[str]:
    """Return the paths of the files that are there, from the project's folder.

    Args:
        within: Folders and files of the project; all of it if there are none.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *within],  # noqa: S607 - git is required
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def copy_known_files(folder: Path, *within: str) -> None:
    """Copy the files into a folder that is made, each to its own place; links stay links."""
    for name in known_files(*within):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
