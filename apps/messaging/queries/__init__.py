"""Reads of messaging that join several tables."""
