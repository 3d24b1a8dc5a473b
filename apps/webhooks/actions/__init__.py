"""What changes endpoints and their messages: set up, queued, sent, sent again."""
