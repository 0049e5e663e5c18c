"""`python -m imgbudget`: the command, where its script is not on the path."""

from imgbudget.cli import main

main()
