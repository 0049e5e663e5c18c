"""The folder that a server reads and writes in: which paths of a client are inside."""

import os

from imgbudget.errors import UsageError, os_error_text


class Root:
    """A folder without links in its path."""

    def __init__(self, path: str) -> None:
        """The folder at this path.

        Raises:
            UsageError: there is none.
        """
        try:
            self.path: str = os.path.realpath(path, strict=True)
        except OSError as error:
            raise UsageError(f"--root {path}: {os_error_text(error)}") from error
        if not os.path.isdir(self.path):
            raise UsageError(f"--root {path}: is not a folder")

    def inside(self, given: str) -> str:
        """The path relative to the folder, for commands that run in it; what it names need not exist.

        Raises:
            UsageError: it is outside, by its text or by a link.
        """
        if not given or "\0" in given:
            raise UsageError(f"{given!r} is no path")
        if os.pardir in given.replace(os.sep, "/").split("/"):
            raise UsageError(f"{given}: paths with .. are refused; name the path from the root of the server")
        target = os.path.realpath(os.path.join(self.path, given))
        if target != self.path and not target.startswith(os.path.join(self.path, "")):
            raise UsageError(f"{given}: is outside {self.path}, the --root of this server")
        path = os.path.relpath(target, self.path) if os.path.isabs(given) else given
        return os.path.join(os.curdir, path) if path.startswith("-") else path
