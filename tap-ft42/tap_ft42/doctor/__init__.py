"""Tests, with 20 to 40 requests, what this API allows and can do for this application."""
