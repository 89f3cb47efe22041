"""The sandbox's commands, as somebody types them."""

from __future__ import annotations

import os
import subprocess
import sys


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command of the sandbox prints, and how it ends."""
    clean = {n: v for n, v in os.environ.items() if not n.startswith("FT42_SANDBOX_")}
    return subprocess.run(
        [sys.executable, "-m", "ft42_sandbox", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**clean, **environment},
    )
