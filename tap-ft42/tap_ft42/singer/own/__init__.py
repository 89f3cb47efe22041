"""What the tap says of its own work."""
