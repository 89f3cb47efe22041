"""Start the command ``tap-ft42``, also as ``python -m tap_ft42``."""

from __future__ import annotations

import gc


def main() -> None:
    """Import the command, and run it."""
    # What is imported stays: to search it for cycles meanwhile takes a tenth of the start.
    gc.disable()
    from tap_ft42 import cli  # noqa: PLC0415 - it imports all that a run needs

    cli.main()


if __name__ == "__main__":
    main()
