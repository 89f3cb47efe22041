"""The lists of a run: what is read of each, in which order, and what follows from it."""
