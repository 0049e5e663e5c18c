"""The version and the home of the project, as literals: asking the installed package costs 30 ms."""

__version__ = "0.1.0"

HOME: str | None = None
"""The address of the repository, without a slash at its end; None until the project has a public one.

A maintainer sets it at a release. The addresses of the rules' pages and of the project are made from it.
"""
