"""Write the snapshots anew: `python -m tests.tap.snapshots`."""

from __future__ import annotations

from tests.tap.snapshots import renew

if __name__ == "__main__":  # forked processes look at this module again
    renew()
