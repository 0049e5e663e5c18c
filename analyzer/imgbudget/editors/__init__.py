"""What editors show: the language server, which checks a text while it is edited."""
