"""From the bytes of a file to records, each with one fate; what a record means is decided above."""
