"""The columns by which the API's lists tell what changed."""

from __future__ import annotations

from tap_ft42.declared.listing import Cursor

UPDATED_AT = Cursor("updated_at")
"""When the API last changed a row, as far as it says."""
