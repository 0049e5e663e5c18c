"""The command: the only place that speaks to people, and that turns errors into words and exit codes."""

from imgbudget.cli.main import main

__all__ = ["main"]
