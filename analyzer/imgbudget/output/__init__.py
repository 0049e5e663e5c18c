"""Output formats: one small module per format or subject; text out, nothing read."""
