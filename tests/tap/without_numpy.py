"""Importing this makes NumPy as missing as it is in the environment of an installed tap."""

import sys

sys.modules["numpy"] = None  # type: ignore[assignment]  # as the import system wants it
