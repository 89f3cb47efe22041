"""Streams about the tap's own work."""
