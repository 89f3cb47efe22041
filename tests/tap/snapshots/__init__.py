"""What the tap promised to stay like; `python -m tests.tap.snapshots` writes it anew."""

from __future__ import annotations

import json
from pathlib import Path

from tests.tap.running import discovered

CATALOG = Path(__file__).with_name("catalog.json")


def renew() -> None:
    """Write the snapshot of the catalog."""
    content = json.dumps(json.loads(discovered()), indent=2, ensure_ascii=False)
    CATALOG.write_text(f"{content}\n", encoding="utf-8")


__all__ = ["CATALOG", "discovered", "renew"]
