"""Files of rows, from bytes to stored rows: reading, columns, reports and the resources' base."""
