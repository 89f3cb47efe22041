"""One run: its services, its life, what it shows and says."""
