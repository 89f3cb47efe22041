"""How a list is read completely while it moves."""
