"""Programs of other projects that are used where they are installed."""

import os
from functools import lru_cache
from os import get_exec_path


def jpegtran() -> str | None:
    """The path of jpegtran, which turns JPEG files without loss; None if it is not installed.

    It comes with libjpeg-turbo and with MozJPEG. Only absolute folders of PATH count: what lies in the
    working folder is not run.
    """
    return _found("jpegtran.exe" if os.name == "nt" else "jpegtran", tuple(get_exec_path()))


def lsof() -> str | None:
    """The path of lsof, which lists the processes that have a file open; None if it is not installed.

    Only absolute folders of PATH count.
    """
    return _found("lsof", tuple(get_exec_path()))


@lru_cache(maxsize=4)
def _found(name: str, folders: tuple[str, ...]) -> str | None:
    paths = (os.path.join(folder, name) for folder in folders if os.path.isabs(folder))
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)
