"""Loads the settings that hold for a place; imports no parser where there is no configuration."""

from collections.abc import Collection
from typing import NamedTuple

from imgbudget.config.discovery import Discovery, discover
from imgbudget.config.files import absolute, folder_of, why_no_file
from imgbudget.config.selectors import check_platform, check_selectors
from imgbudget.config.settings import Settings
from imgbudget.errors import ConfigError, ConfigProblem, UsageError


class Draft(NamedTuple):
    """Settings as far as they could be read, and the mistakes found so far.

    Names of rules and platforms can be checked only once the packs that the settings name are loaded: load
    them for `settings.packs`, then `settle`.
    """

    settings: Settings
    problems: tuple[ConfigProblem, ...] = ()

    def settle(
        self,
        known_codes: Collection[str] | None = None,
        known_names: Collection[str] = (),
        known_platforms: Collection[str] | None = None,
    ) -> Settings:
        """The settings, once nothing is wrong with them; what is None is not checked.

        Raises:
            ConfigError: all mistakes of all files at once, in the order of their lines.
        """
        problems = list(self.problems)
        if known_codes is not None:
            problems += check_selectors(self.settings, known_codes, known_names)
        if known_platforms is not None:
            problems += check_platform(self.settings, known_platforms)
        if problems:
            files = list(dict.fromkeys(problem.path for problem in problems))
            raise ConfigError(tuple(sorted(problems, key=lambda one: (files.index(one.path), one.line or 0))))
        return self.settings


def load(start: str, *, explicit: str | None = None, isolated: bool = False) -> Settings:
    """The settings for `start`, a file or folder; names of rules and platforms are not checked yet.

    `explicit` names the configuration instead of looking for it; `isolated` takes none.

    Raises:
        ConfigError: the configuration has mistakes; all of them are in it.
        UsageError: `explicit` is no file, or was given together with `isolated`.
    """
    return draft(start, explicit=explicit, isolated=isolated).settle()


def draft(start: str, *, explicit: str | None = None, isolated: bool = False) -> Draft:
    """The same, with the mistakes kept beside the settings, so that more can be added before they are told.

    Raises:
        UsageError: `explicit` is no file, or was given together with `isolated`.
    """
    found = _found(start, explicit, isolated=isolated)
    if found.path is None:
        return Draft(Settings(root=folder_of(start), notes=found.notes))
    from imgbudget.config.layers import read_layers  # noqa: PLC0415 - with a configuration only

    layers = read_layers(found.path)
    settings = layers.settings._replace(
        root=folder_of(found.path),
        source=found.path,
        notes=found.notes,
        written=layers.written,
    )
    return Draft(settings, layers.problems)


def _found(start: str, explicit: str | None, *, isolated: bool) -> Discovery:
    if explicit is None:
        return Discovery(None, ()) if isolated else discover(start)
    if isolated:
        raise UsageError(f"an isolated run reads no configuration, but {explicit} is named")
    flaw = why_no_file(explicit)
    if flaw is not None:
        raise UsageError(f"configuration {explicit} {flaw}")
    return Discovery(absolute(explicit), ())
