"""The tap that says what a run would ask for, instead of running."""

from __future__ import annotations

import json
import sys
from typing import Any

from typing_extensions import override

from tap_ft42.run.costs import estimates, told
from tap_ft42.tap import TapFT42


class PlanningTap(TapFT42):
    """The tap that says what a run would ask for."""

    @classmethod
    @override
    def invoke(
        cls, *, about: bool = False, about_format: str | None = None, **options: Any
    ) -> None:
        """Print a plan.

        Args:
            about: As for the tap.
            about_format: As for the tap.
            **options: As for the tap; the state may be a file that Meltano wrote.
        """
        config, state, catalog = (options[name] for name in ("config", "state", "catalog"))
        if about:
            super().invoke(about=about, about_format=about_format, **options)
            return
        known = json.load(state) if state else {}
        tap = cls(
            config=config.config,
            state=known.get("singer_state", known),
            catalog=json.load(catalog) if catalog else None,
            parse_env_config=config.parse_env,
            validate_config=True,
        )
        _ = tap.streams  # the catalog selects among them
        sys.stdout.write(told(tap.run, estimates(tap.lists)) + "\n")
