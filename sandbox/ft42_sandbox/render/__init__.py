"""Rows to JSON, table by table."""
