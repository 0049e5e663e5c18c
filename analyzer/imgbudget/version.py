"""The version and the address of the project, as literals: reading package metadata takes 30 ms."""

__version__ = "0.1.0"

HOME: str | None = None
"""The address of the repository, without a slash at its end; None until the project has a public one.

Set it at a release. The addresses of rule pages and of the project are derived from it.
"""
