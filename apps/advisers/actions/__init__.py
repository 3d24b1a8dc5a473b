"""What changes call tasks."""
