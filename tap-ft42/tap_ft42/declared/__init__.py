"""What is known of the API before a run: listings, cursors, record shapes, instants."""
