"""What is read next: steps from listing, state, scope and instants."""
