"""What personal data there is, why, and what becomes of it: data alone, read by pages and actions."""
