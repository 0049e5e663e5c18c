"""Bytes to facts: what an image is, from its header and, where a rule asks for more, a few reads beyond."""

from imgbudget.probes.dispatch import PROBE_VERSION, probe_bytes, probe_file, probe_reader

__all__ = ["PROBE_VERSION", "probe_bytes", "probe_file", "probe_reader"]
