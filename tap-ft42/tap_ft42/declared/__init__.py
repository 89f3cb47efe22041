"""What is known of the API before a run: lists, cursors, record shapes, instants."""
