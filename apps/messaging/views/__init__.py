"""Where the outside world calls us, by subject."""
