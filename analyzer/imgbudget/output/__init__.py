"""Output: one module per format or subject; turns values into text and reads nothing."""
