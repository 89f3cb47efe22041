"""Run the tap as ``python -m tap_ft42``."""

from __future__ import annotations

from tap_ft42.cli import main

main()
