"""Requests out of JSON text: the dialects of each API, batches, transcripts, recordings of HTTP traffic."""
