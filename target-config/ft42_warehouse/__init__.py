"""The PostgreSQL side of tap-ft42."""
