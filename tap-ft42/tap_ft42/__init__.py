"""Singer tap for the intranet API of the 42 schools."""
