"""The version of the distribution, as a literal: asking the installed package for it costs 30 ms."""

__version__ = "0.1.0"
