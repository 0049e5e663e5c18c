"""`python -m imgbudget`: the command, where its script is not on the path."""

import os
import sys

import imgbudget

_HERE = os.getcwd()

# `python -m` puts the working folder first on the path: a yaml.py in a repository would run
if (
    not sys.flags.safe_path
    and sys.path[:1] == [_HERE]
    and os.path.dirname(os.path.dirname(imgbudget.__file__)) != _HERE
):
    del sys.path[0]

from imgbudget.cli import main  # noqa: E402 - the path first

main()
