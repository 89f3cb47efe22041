"""What this API and this application are, found out with some twenty requests."""
