"""From bytes to facts: what an image is, by its header and, where a rule needs more, a few further reads."""
