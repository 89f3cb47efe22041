"""The command ``ft42``: makes a project folder for people who have no checkout.

It writes the files in ``starter/``. ``tools/starter.py`` makes them from the repository's own
``meltano.yml`` and other files.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from shlex import quote

import click

_NAMES = {
    "meltano.yml": "meltano.yml",
    "target-postgres.logging.yml": "target-postgres.logging.yml",
    "constraints.txt": "constraints.txt",
    "env": ".env",
    "gitignore": ".gitignore",
}
"""The files of ``starter/``, and their names in a project."""

_YOURS = ".env"
"""The file that users fill in; it is never overwritten."""

_VERSION = "{version}"
"""A placeholder in ``starter/`` for the version of the packages."""

_NEXT = """\
{folder}: a Meltano project with the jobs nightly and incremental, and their schedules

Next:
  cd {folder}
  # tap, target and warehouse, in the versions that were tested
  UV_CONSTRAINT=constraints.txt meltano install
  # a stand-in for 42 with generated people, and a database
  ft42-sandbox start --requests-per-second 0 --requests-per-hour 0
  ft42-postgres start
  meltano run nightly
  warehouse status
For real data, fill in .env, and run: meltano --environment=prod run nightly
"""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: ft42 init intranet",
)
def main() -> None:
    """Begin a project that loads the 42 intranet into PostgreSQL."""


@main.command(epilog="Example: ft42 init intranet")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def init(directory: Path) -> None:
    """Write a Meltano project into DIRECTORY.

    No file is overwritten: if one of them exists and differs, nothing is written. An existing
    .env is kept.
    """
    wanted = {directory / name: _text(file) for file, name in _NAMES.items()}
    try:
        in_the_way = [
            path.name
            for path, text in wanted.items()
            if path.exists() and path.name != _YOURS and path.read_bytes() != text.encode()
        ]
        if in_the_way:
            message = (
                f"{directory} has files that this command did not write: "
                f"{', '.join(in_the_way)}. Nothing was written. Choose another folder, or move "
                "them away."
            )
            raise click.ClickException(message)
        (directory / ".local").mkdir(parents=True, exist_ok=True)
        for path, text in wanted.items():
            if not path.exists():
                _write(path, text)
    except OSError as error:
        message = (
            f"{directory} cannot hold a project ({error.strerror}). Choose another folder."
        )
        raise click.ClickException(message) from None
    click.echo(_NEXT.format(folder=quote(str(directory))), nl=False)


def _text(file: str) -> str:
    text = (files("ft42_warehouse") / "starter" / file).read_text("utf-8")
    return text.replace(_VERSION, version("ft42-warehouse"))


def _write(path: Path, text: str) -> None:
    mode = 0o600 if path.name == _YOURS else 0o666
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
