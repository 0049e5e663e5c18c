"""Make plans real: one decode and one encode an image, edits of byte spans in requests, safe writes."""
