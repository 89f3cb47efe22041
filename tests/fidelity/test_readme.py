"""The README's commands do what it says they do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ft42_sandbox.faults import KINDS
from ft42_sandbox.life import EVENT_RATES
from ft42_sandbox.testing import running_sandbox

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

README = (Path(__file__).parents[2] / "sandbox/README.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_every_curl_command_succeeds(mutable: RunningSandbox) -> None:
    script = "\n".join(re.findall(r"```bash\n(.*?)```", README, re.DOTALL))
    script = script.replace("http://127.0.0.1:4242", mutable.url)
    script = script.replace("sesame", mutable.control_token)
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],  # noqa: S607 - whichever bash there is
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{done.stdout[-300:]}\n{done.stderr}"
    assert script.count("control ") > 25
    assert {"mark", "disappear"} <= {change["event"] for change in mutable.changes()}


def test_the_python_example_runs() -> None:
    example = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    assert "running_sandbox" in example
    exec(example, {"running_sandbox": running_sandbox})  # noqa: S102 - the README's own


def test_every_fault_and_every_event_is_named() -> None:
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    named = set(re.findall(r"`([^`]+)`", prose))
    assert set(KINDS) <= named
    assert {rate.name for rate in EVENT_RATES} <= named
