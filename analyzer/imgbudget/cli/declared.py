"""Click's words for a command and its options, which load click only when there are options to be read.

A hook calls `imgbudget check FILES`, and click is a quarter of such a start. Where click is loaded already
the words are click's own; else they are noted, and `Declared` makes the very same command of them on demand.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

_PARAMETERS = ("argument", "option")


class _Word(NamedTuple):
    """A call of one of click's functions, to be made later."""

    name: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]

    def say(self) -> Any:
        import click  # noqa: PLC0415 - see above

        options = {
            key: value.say() if isinstance(value, _Word) else value for key, value in self.options.items()
        }
        return getattr(click, self.name)(*self.arguments, **options)


class Declared:
    """A command as far as it needs no click: its function, and what is declared of its parameters."""

    def __init__(self, function: Callable[..., int], words: list[_Word]) -> None:
        self.function = function
        self._words = words

    def defaults(self) -> dict[str, Any]:
        """The options as click would hand them over if none was given."""
        return dict(self._default(word) for word in self._words if word.name in _PARAMETERS)

    @property
    def command(self) -> Any:
        """The `click.Command`."""
        made: Any = self.function
        for word in self._words:
            made = word.say()(made)
        return made

    @property
    def complete(self) -> bool:
        """Whether nothing was declared with click itself, which is not known here."""
        return not hasattr(self.function, "__click_params__")

    @staticmethod
    def _default(word: _Word) -> tuple[str, Any]:
        given = word.options
        plain = [name for name in word.arguments if not name.startswith("-")]
        longest = max(word.arguments, key=lambda name: len(name) - len(name.lstrip("-")))
        name = plain[0] if plain else longest.partition("/")[0].lstrip("-").replace("-", "_")
        many = given.get("multiple") or given.get("nargs") == -1
        value = given.get("default", () if many else False if given.get("is_flag") else None)
        return name, given["callback"](None, None, value) if "callback" in given else value


def _word(name: str) -> Callable[..., Any]:
    def say(*arguments: Any, **options: Any) -> Any:
        word = _Word(name, arguments, options)
        if "click" in sys.modules:
            return word.say()
        return _noted(word) if name in _PARAMETERS else word

    return say


def _noted(word: _Word) -> Callable[[Any], Any]:
    def note(function: Any) -> Any:
        function.__dict__.setdefault("words", []).append(word)
        return function

    return note


F = TypeVar("F", bound=Callable[..., Any])

argument: Callable[..., Callable[[F], F]] = _word("argument")
option: Callable[..., Callable[[F], F]] = _word("option")
Choice, IntRange = _word("Choice"), _word("IntRange")


def command(name: str) -> Callable[[Callable[..., int]], Any]:
    """`click.command`; without click, a `Declared`."""
    word = _Word("command", (name,), {})
    if "click" in sys.modules:
        made: Callable[[Any], Any] = word.say()
        return made
    return lambda function: Declared(function, [*function.__dict__.pop("words", ()), word])
