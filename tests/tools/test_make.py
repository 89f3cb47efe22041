"""``make`` alone answers what it can do, by purpose."""

from __future__ import annotations

import re
import subprocess

from tests.known_files import ROOT


def test_each_target_is_listed_below_a_purpose_and_says_what_it_does() -> None:
    shown = subprocess.run(
        ["make"],  # noqa: S607 - make is required
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    listed = re.findall(r"^  make ([\w-]+) +\S", shown, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    (targets,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert sorted(listed) == sorted(targets.split())
    assert "\nTry it\n  make demo " in shown


def test_a_run_that_make_starts_takes_the_plugins_as_they_are_installed() -> None:
    # With a Python named, Meltano would install them anew where it is called by another path.
    shown = subprocess.run(
        [  # noqa: S607 - make is required
            "make", "--no-print-directory", "show",
            "--eval", "show: ; @echo python=$$MELTANO_PYTHON",
        ],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    assert shown.strip() == "python="
