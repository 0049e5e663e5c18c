"""How models other than Claude resize and count an image, one module per method, each loaded on first use."""
