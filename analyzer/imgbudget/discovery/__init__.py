"""Finding files: the paths of the command line, folders searched under gitignore rules, types by name."""
