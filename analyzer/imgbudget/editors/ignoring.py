"""The entry of a configuration that ignores a finding, as an edit; the person gives the reason."""

import os
from collections.abc import Callable

from imgbudget.config.edit import with_ignore
from imgbudget.config.load import YAML_NAMES, read_head
from imgbudget.config.settings import Ignore, Settings
from imgbudget.discovery.gitignore import literal
from imgbudget.linter.rule_sets import relative
from imgbudget.model.subjects import Finding
from imgbudget.namedtuples import NamedTuple

REASON = "say here why this is expected"

MOST_BYTES = 1 << 20
"""Bytes of a configuration, as its reader has them at most."""


class IgnoreEdit(NamedTuple):
    """An edit of a configuration: its path, its text before, and what is inserted at which character.

    `is_new`: there is no configuration yet.
    """

    path: str
    before: str
    offset: int
    text: str
    is_new: bool = False


def configuration_of(settings: Settings, folder: str) -> tuple[str, bool]:
    """The configuration that an entry goes into, and whether it is new: then it is in that folder."""
    if settings.source is not None:
        return settings.source, False
    return os.path.join(folder, YAML_NAMES[-1]), True


def ignore_title(finding: Finding, settings: Settings) -> str:
    """The action in a menu."""
    where = os.path.basename(settings.source) if settings.source else f"a new {YAML_NAMES[-1]}"
    return f"Ignore {finding.code} here, in {where}"


def ignore_edit(
    finding: Finding, settings: Settings, folder: str, shown: Callable[[str], str | None]
) -> IgnoreEdit | None:
    """The edit that ignores a finding at its place; None if the configuration cannot take it.

    `shown` gives the text of a file that is open in the editor, which counts and not that on disk.

    Raises:
        OSError: the configuration cannot be read.
        UnicodeDecodeError: it is not UTF-8.
    """
    path, is_new = configuration_of(settings, folder)
    before = shown(path)
    if before is None:
        before = "" if is_new else read_head(path, MOST_BYTES).decode("utf-8-sig")
    root = os.path.dirname(path) if is_new else settings.root
    pattern = f"/{literal(relative(finding.location.path, root))}"
    ignore = Ignore((finding.code,), REASON, (pattern,), finding.location.pointer or None)
    added = with_ignore(before, path, ignore)
    return None if added is None else IgnoreEdit(path, before, added.offset, added.text, is_new)
