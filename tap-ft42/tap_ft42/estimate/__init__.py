"""Estimates what a run would cost: the command ``tap-ft42 plan``."""
