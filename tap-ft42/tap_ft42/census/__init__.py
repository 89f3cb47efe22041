"""Finds disappeared rows: compares the known rows of a list with the API's counts."""
