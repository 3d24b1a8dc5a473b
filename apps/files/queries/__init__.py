"""What is known of files: how far they are, what came of every record, which ones are late."""
