"""Runs rules on files: options, rule sets, suppression, baselines, the run and its worker processes."""
