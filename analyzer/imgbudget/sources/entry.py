"""What stands at a path, told without opening it, and what a search gives of it."""

import os
import stat
from enum import Enum
from typing import NamedTuple

from imgbudget.errors import os_error_text
from imgbudget.sources.filetypes import FileKind

GONE = "gone before it could be looked at"
DENIED = "permission denied"


class Entry(Enum):
    """What can be looked at."""

    FILE = "file"
    FOLDER = "folder"


class Found(NamedTuple):  # one for each file of a tree: half the price of a frozen dataclass
    """A file to look at. `named` means that the command line names it, not only a folder around it."""

    path: str
    kind: FileKind
    named: bool = False


NEITHER = "not an image or a request"
LEFT_OUT = "excluded, and exclusion is enforced"


class Passed(NamedTuple):
    """A file, or a folder that cannot be searched, that is not looked at, with the reason in a clause."""

    path: str
    reason: str

    @property
    def missed(self) -> bool:
        """Whether it could not be looked at, and not only need not be."""
        return self.reason not in (NEITHER, LEFT_OUT)


_IRREGULAR = {
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


def look_at(path: str) -> Entry | str:
    """What stands at a path, through links; the reason in a clause where it is neither file nor folder."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return "broken symbolic link" if os.path.islink(path) else GONE
    except OSError as error:
        return why(error)
    except ValueError:  # a null character, or text that no file name can be
        return GONE
    if stat.S_ISREG(mode):
        return Entry.FILE
    if stat.S_ISDIR(mode):
        return Entry.FOLDER
    kind = _IRREGULAR.get(stat.S_IFMT(mode))
    return f"not a regular file ({kind})" if kind else "not a regular file"


def why(error: OSError) -> str:
    """What an error of the operating system says, as a clause."""
    if isinstance(error, PermissionError):
        return DENIED
    if isinstance(error, FileNotFoundError):
        return GONE
    return os_error_text(error)
