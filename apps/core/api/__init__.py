"""What every part of the HTTP API shares; the routes are in the apps, the whole in config/api.py."""
