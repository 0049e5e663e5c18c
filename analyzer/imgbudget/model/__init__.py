"""The values that travel between the layers: facts, subjects, findings, fixes, results."""
