"""Brings a session that an image broke back into service: what is refused is mended, and nothing else."""
