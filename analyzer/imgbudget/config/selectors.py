"""Checks the names in a configuration that only loaded rules and limits can tell: rules and platforms."""

from collections.abc import Collection

from imgbudget.config.settings import NameKind, Settings
from imgbudget.config.wording import MOST_HINTS, nearest, quoted
from imgbudget.errors import ConfigProblem


def check_selectors(
    settings: Settings, known_codes: Collection[str], known_names: Collection[str]
) -> tuple[ConfigProblem, ...]:
    """A mistake for each selector in the configuration that names no rule.

    A selector is `ALL`, a code or the beginning of one (both in any case), or a rule's name.
    """
    prefixes = {code[:end] for code in known_codes for end in range(1, len(code) + 1)} | {"ALL"}
    names = {"ALL", *known_codes, *known_names, *(code[:-2] for code in known_codes)}
    problems: list[ConfigProblem] = []
    for kind, at, text, origin in settings.written:
        if kind is not NameKind.RULE or text in known_names or text.upper() in prefixes:
            continue
        near = nearest(text, names) if len(problems) < MOST_HINTS else None
        told = f"did you mean {quoted(near)}?" if near else "imgbudget rule --all lists the rules"
        problems.append(ConfigProblem(origin.path, origin.line, f"{at}: unknown rule {quoted(text)}; {told}"))
    return tuple(problems)


def check_platform(settings: Settings, known_platforms: Collection[str]) -> tuple[ConfigProblem, ...]:
    """A mistake where the configuration names a platform that is not known."""
    problems = []
    for kind, at, text, origin in settings.written:
        if kind is not NameKind.PLATFORM or text in known_platforms:
            continue
        near = nearest(text, known_platforms)
        told = f"did you mean {quoted(near)}?" if near else f"known are {', '.join(sorted(known_platforms))}"
        problems.append(
            ConfigProblem(origin.path, origin.line, f"{at}: unknown platform {quoted(text)}; {told}")
        )
    return tuple(problems)
