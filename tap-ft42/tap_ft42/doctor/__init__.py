"""Tests, with 20 to 40 requests, how this API treats this application."""
