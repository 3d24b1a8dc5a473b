"""What changes the demo's world."""
