"""Suggestions for misspelt names, and checks of the names that only loaded rules and limits can confirm."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from os.path import commonprefix
from types import ModuleType

from imgbudget.config.settings import NameKind, Settings
from imgbudget.errors import ConfigProblem

MAX_HINTS = 100
"""Mistakes of a kind for which a near name is looked up; a file with more of them is no configuration."""

MAX_GATEWAYS = 8
"""Most gateways of which each is like the next."""

_SIMILARITY = 0.6
"""Least share of matching letters of a suggested name; the default of difflib."""

_MAX_SHOWN = 60
"""Most characters of a value that a message repeats."""


def plain(text: str) -> str:
    """The text on one line, without control characters, and shortened if it is long."""
    if not text.isprintable():
        text = text.encode("unicode_escape").decode("ascii")
    return f"{text[:_MAX_SHOWN]}..." if len(text) > _MAX_SHOWN else text


def quoted(text: str) -> str:
    """The same in double quotes."""
    return f'"{plain(text)}"'


def _difflib() -> ModuleType:
    import difflib  # noqa: PLC0415 - rare

    return difflib


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The most similar known name, None if none is similar; a longer common beginning decides a tie.

    Case is ignored, and `-` and `_` are the same.
    """
    word = _folded(word)[:_MAX_SHOWN]
    matcher = _difflib().SequenceMatcher(b=word)
    similar = []
    for name in known:
        matcher.set_seq1(_folded(name))
        # the cheap bounds first: they rule out most names
        if matcher.real_quick_ratio() < _SIMILARITY or matcher.quick_ratio() < _SIMILARITY:
            continue
        if (ratio := matcher.ratio()) >= _SIMILARITY:
            shared = commonprefix([word, _folded(name)])  # noqa: RUF071 - of letters, not of folders
            similar.append((-ratio, -len(shared), name))
    return min(similar)[-1] if similar else None


def _folded(name: str) -> str:
    return name.lower().replace("_", "-")


def unknown(what: str, given: str, known: Sequence[str], *, listed: bool = False) -> str:
    """The message for an unknown name on the command line, with a near name if there is one.

    With `listed` it has all that are known if none is near.
    """
    near = _nearest_code(given, known) or next(
        (
            match
            for text in (given, given.upper())
            for match in _difflib().get_close_matches(text, known, 1, 0.5)
        ),
        None,
    )
    hint = f"; known are {', '.join(known)}" if listed else ""
    if near:
        hint = f"; did you mean {near!r}?"
    return f"unknown {what} {given!r}{hint}"


def _nearest_code(given: str, known: Iterable[str]) -> str | None:
    """For a code such as IB299 or IB2x, the known one with the longest common beginning, then the nearest."""
    import re  # noqa: PLC0415 - rare

    code = re.compile(r"([A-Z]+)([0-9]{1,9})")
    text = given.upper()
    wanted = code.match(text)
    if wanted is None:
        return None
    similar = [
        (-len(commonprefix([text, name])), abs(int(found[2]) - int(wanted[2])), name)  # noqa: RUF071 - letters
        for name in known
        if (found := code.fullmatch(name)) and found[1] == wanted[1]
    ]
    return min(similar)[-1] if similar else None


def check_selectors(
    settings: Settings, known_codes: Collection[str], known_names: Collection[str]
) -> tuple[ConfigProblem, ...]:
    """A mistake for each selector in the configuration that matches no rule.

    A selector is `ALL`, a code or the beginning of one (both in any case), or a rule's name.
    """
    prefixes = {code[:end] for code in known_codes for end in range(1, len(code) + 1)} | {"ALL"}
    names = {"ALL", *known_codes, *known_names, *(code[:-2] for code in known_codes)}
    problems: list[ConfigProblem] = []
    for kind, at, text, origin in settings.references:
        if kind is not NameKind.RULE or text in known_names or text.upper() in prefixes:
            continue
        near = nearest(text, names) if len(problems) < MAX_HINTS else None
        hint = f"did you mean {quoted(near)}?" if near else "imgbudget rule --all lists the rules"
        problems.append(ConfigProblem(origin.path, origin.line, f"{at}: unknown rule {quoted(text)}; {hint}"))
    return tuple(problems)


def check_platform(settings: Settings, known_platforms: Collection[str]) -> tuple[ConfigProblem, ...]:
    """A mistake if the configuration names a platform that is neither known nor one of its gateways."""
    problems = []
    known_platforms = {*known_platforms, *(gateway.name for gateway in settings.gateways)}
    for kind, at, text, origin in settings.references:
        if kind is not NameKind.PLATFORM or text in known_platforms:
            continue
        near = nearest(text, known_platforms)
        hint = f"did you mean {quoted(near)}?" if near else f"known: {', '.join(sorted(known_platforms))}"
        problems.append(
            ConfigProblem(origin.path, origin.line, f"{at}: unknown platform {quoted(text)}; {hint}")
        )
    return tuple(problems)


def check_gateways(settings: Settings, known_platforms: Collection[str]) -> tuple[ConfigProblem, ...]:
    """A mistake for each gateway that is like none or itself, and each known platform that is like one."""
    problems = []
    likes = {gateway.name: gateway.like for gateway in settings.gateways}
    for name, like, _, origin in settings.gateways:
        at = f"platforms.{plain(name)}"
        if name in known_platforms:
            flaw = like and f"{quoted(name)} is a known platform: leave out like, or choose another name"
        elif like is None:
            near = nearest(name, known_platforms)
            hint = f"or did you mean {quoted(near)}?" if near else "e.g. like: anthropic"
            flaw = f'missing key "like"; say whose limits apply where it states none, {hint}'
        else:
            flaw = _circle(name, likes)
        if flaw:
            problems.append(ConfigProblem(origin.path, origin.line, f"{at}: {flaw}"))
    return tuple(problems)


def _circle(name: str, likes: Mapping[str, str | None]) -> str | None:
    """What is wrong with the chain of gateways that one is like: it comes back to it, or is too long."""
    chain, following = [name], likes.get(name)
    while following is not None and following in likes and following not in chain:
        chain.append(following)
        if len(chain) > MAX_GATEWAYS:
            return f"is like more than {MAX_GATEWAYS - 1} gateways in a row; name the platform behind them"
        following = likes[following]
    return f"is like itself: {' -> '.join([*map(plain, chain), plain(name)])}" if following == name else None
