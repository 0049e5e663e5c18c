"""JSON text as a library: documents with the byte span of every value, long strings left in the file."""
