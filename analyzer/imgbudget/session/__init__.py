"""Joins the layers: settings and packs to rules and limits, paths to files, files to results."""

from imgbudget.session.api import check, fix, plan
from imgbudget.session.run import RunOptions, Session

__all__ = ["RunOptions", "Session", "check", "fix", "plan"]
