"""The columns by which changes of the API's lists are found."""

from __future__ import annotations

from tap_ft42.declared.listing import Cursor

UPDATED_AT = Cursor("updated_at")
"""When the API last changed a row; some changes do not move it."""
