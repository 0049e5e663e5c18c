"""Loads the settings for a path; imports no parser if there is no configuration."""

import os
from collections.abc import Collection
from typing import NamedTuple

from imgbudget.config.files import Discovery, discover, folder_of, why_no_file
from imgbudget.config.settings import Settings
from imgbudget.config.suggest import check_platform, check_selectors
from imgbudget.errors import ConfigError, ConfigProblem, UsageError


class UncheckedSettings(NamedTuple):
    """Settings as far as they could be read, with the mistakes found so far.

    Names of rules and platforms can be checked only after the rule packs that the settings name are loaded:
    load `settings.packs`, then call `validate`.
    """

    settings: Settings
    problems: tuple[ConfigProblem, ...] = ()

    def validate(
        self,
        known_codes: Collection[str] | None = None,
        known_names: Collection[str] = (),
        known_platforms: Collection[str] | None = None,
    ) -> Settings:
        """The settings, if they have no mistakes; names of which None are known are not checked.

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
    """The settings for `start`, a file or folder; names of rules and platforms are not checked.

    `explicit` is the path of the configuration, which is then not searched for; `isolated` uses none.

    Raises:
        ConfigError: the configuration has mistakes; it contains all of them.
        UsageError: `explicit` is no file, or was given together with `isolated`.
    """
    return load_unchecked(start, explicit=explicit, isolated=isolated).validate()


def load_unchecked(start: str, *, explicit: str | None = None, isolated: bool = False) -> UncheckedSettings:
    """As `load`, but with the mistakes returned beside the settings, so that more can be added.

    Raises:
        UsageError: `explicit` is no file, or was given together with `isolated`.
    """
    found = _find(start, explicit, isolated=isolated)
    if found.path is None:
        return UncheckedSettings(Settings(root=folder_of(start), notes=found.notes))
    from imgbudget.config.layers import read_layers  # noqa: PLC0415 - only if there is a configuration

    layers = read_layers(found.path)
    settings = layers.settings._replace(
        root=folder_of(found.path),
        source=found.path,
        notes=found.notes,
        references=layers.references,
    )
    return UncheckedSettings(settings, layers.problems)


def _find(start: str, explicit: str | None, *, isolated: bool) -> Discovery:
    if explicit is None:
        return Discovery(None, ()) if isolated else discover(start)
    if isolated:
        raise UsageError(f"an isolated run uses no configuration, but {explicit} was given")
    flaw = why_no_file(explicit)
    if flaw is not None:
        raise UsageError(f"configuration {explicit} {flaw}")
    return Discovery(os.path.abspath(explicit), ())
