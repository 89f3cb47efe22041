"""How rows leave: the only package that knows the Singer SDK."""
