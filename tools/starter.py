"""The project folder of ``ft42 init``: ``make docs`` derives it from this one.

So what somebody has who only installed the packages is what is tested here: the same
plugins, jobs and schedules, and the versions of uv.lock.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from tools.tables import ROOT

if TYPE_CHECKING:
    from pathlib import Path

STARTER = ROOT / "target-config/ft42_warehouse/starter"
PLUGINS = ("tap-ft42", "warehouse", "target-postgres")
"""What the folder's Meltano installs: groups of ``pyproject.toml``."""

_MELTANO = (
    # Nothing is included, and Airflow's DAGs are in the checkout.
    (r"(?m)^annotations:\n(?: .*\n)+\n?", ""),
    (r"(?m)^include_paths:\n(?:- .*\n)+\n?", ""),
    (r"(?m)^ +annotations:\n +airflow: .*\n", ""),
    (r"\nproject_id: .*", ""),
    (r"(?m)^ +# /?written.*\n", ""),
    (
        r": `make up` starts both\.",
        ".\n# `ft42-sandbox start` and `ft42-postgres start` start them.",
    ),
    (r"(?m)^ +# Of what is installed with -e, Meltano asks .*\n", ""),
    (r"--editable=\./tap-ft42(\S+)", r"tap-ft42\1=={version}"),
)
"""What differs in a folder without a checkout: patterns, each of which must be found."""

_WAREHOUSE = (
    (r"-e \./target-config", "ft42-warehouse=={version}"),
    (r"target-config/(target-postgres\.logging\.yml)", r"\1"),
)

_ENV_HEAD = """\
# Fill in, and take the `# ` away. Meltano reads this file; keep it to yourself.
"""

_GITIGNORE = """\
.env
.local/
.meltano/
.secrets/
"""


def files() -> dict[Path, str]:
    """Return all that is written, by path."""
    return {
        STARTER / "meltano.yml": _meltano(),
        STARTER / "target-postgres.logging.yml": _read(
            "target-config/target-postgres.logging.yml"
        ),
        STARTER / "constraints.txt": _constraints(),
        STARTER / "env": _env(),
        STARTER / "gitignore": _GITIGNORE,
    }


def _meltano() -> str:
    ours = _changed(_read("meltano.yml"), _MELTANO)
    warehouse = _changed(_read("target-config/target-postgres.meltano.yml"), _WAREHOUSE)
    about, begin, plugins = warehouse.partition("plugins:\n")
    before, jobs, after = ours.partition("\njobs:\n")
    if not begin or not jobs:
        message = "meltano.yml or target-postgres.meltano.yml has another form"
        raise ValueError(message)
    indented = "".join(f"  {line}\n" for line in about.splitlines())
    return (
        f"# Written by `ft42 init`; yours to change.\n{before}{indented}{plugins}{jobs}{after}"
    )


def _env() -> str:
    _, _, rest = _read(".env.example").partition("\n")
    return _ENV_HEAD + re.sub(r"^(?=[A-Z])", "# ", rest, flags=re.MULTILINE)


def _constraints() -> str:
    groups = [f"--only-group={name}" for name in PLUGINS]
    return subprocess.run(
        [
            ROOT / ".local/uv/bin/uv", "export", "--project", ROOT, "--quiet", "--frozen",
            "--offline", "--no-default-groups", "--no-emit-local", "--no-header",
            "--no-annotate", *groups,
        ],
        check=True, stdout=subprocess.PIPE, text=True,
    ).stdout  # fmt: skip


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _changed(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text)
        if not count:
            message = f"nothing matches {pattern} any more"
            raise ValueError(message)
    return text


if __name__ == "__main__":
    STARTER.mkdir(exist_ok=True)
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
