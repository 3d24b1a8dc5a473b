"""Files brought in: uploading, naming their columns, looking at what they would change, deciding."""

from apps.files.admin import batches, folders, mappings, start

__all__ = ["batches", "folders", "mappings", "start"]
