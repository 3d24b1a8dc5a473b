"""Everything that changes something in messaging, by the step of a message's life."""
