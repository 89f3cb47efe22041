"""A stand-in for the 42 intranet's API v2, with generated data and switchable faults."""

__version__ = "0.1.0"
