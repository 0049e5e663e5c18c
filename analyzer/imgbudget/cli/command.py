"""Commands as typed options with a spelling for each: what reads a command line, and what click is made of.

The options of a command are a named tuple. Each field is annotated with its spelling and help, and its
default is the only one there is. A field may also be a group: a named tuple that several commands share.
`Command.parse` reads every well-formed command line. Help, completion and mistakes are left to click, whose
commands `imgbudget.cli.group` makes from the same tables: loading click takes as long as checking a file.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from imgbudget.namedtuples import NamedTuple

if TYPE_CHECKING:
    from imgbudget.cli.completion import Complete

Options = TypeVar("Options", bound=NamedTuple)


class Choice(NamedTuple):
    """One of some words."""

    names: Sequence[str]

    def convert(self, text: str) -> str:
        """The word itself."""
        if text not in self.names:
            raise ValueError(text)
        return text


class Number(NamedTuple):
    """A number of at least `minimum`, or above it with `exclusive`."""

    minimum: float
    kind: Callable[[str], float] = int
    exclusive: bool = False

    def convert(self, text: str) -> float:
        """The number that a text is."""
        number = self.kind(text)
        if number < self.minimum or (self.exclusive and number <= self.minimum):
            raise ValueError(text)
        return number


class Parameter(NamedTuple):
    """How a field is given on the command line; made by `flag`, `option` and `argument`.

    `names` is empty for an argument. `parse` turns the text into the field's value, of a repeatable option
    all texts, and raises ValueError. `off` is the spelling that sets a flag to False.
    """

    names: tuple[str, ...]
    help: str = ""
    metavar: str | None = None
    is_flag: bool = False
    off: str | None = None
    many: bool = False
    type: Choice | Number | None = None
    show_default: bool = False
    parse: Callable[[Any], object] | None = None
    complete: "Complete | None" = None


def flag(*names: str, help: str, off: str | None = None) -> Parameter:  # noqa: A002 - click's word
    """An option without a value."""
    return Parameter(names, help, is_flag=True, off=off)


def option(  # noqa: PLR0913 - each is a property of an option
    *names: str,
    help: str,  # noqa: A002 - click's word
    metavar: str | None = None,
    many: bool = False,
    type: Choice | Number | None = None,  # noqa: A002 - click's word
    show_default: bool = False,
    parse: Callable[[Any], object] | None = None,
    complete: "Complete | None" = None,
) -> Parameter:
    """An option with a value; one that may be repeated with `many`."""
    return Parameter(names, help, metavar, False, None, many, type, show_default, parse, complete)  # noqa: FBT003


def argument(metavar: str, *, many: bool = False, complete: "Complete | None" = None) -> Parameter:
    """What is given without a name; required where the field has no default."""
    return Parameter((), metavar=metavar, many=many, complete=complete)


class Field(NamedTuple):
    """A field of the options of a command, or of one of their groups."""

    name: str
    parameter: Parameter
    default: object
    required: bool


class Command(Generic[Options]):
    """A command: its name, the type of its options, and what it does with them; the exit code.

    `formats` are the names that its --format takes, the default first. With `negative_numbers` an argument
    may begin with a minus.
    """

    def __init__(
        self,
        name: str,
        options: type[Options],
        run: Callable[[Options], int],
        *,
        formats: Sequence[str] = (),
        negative_numbers: bool = False,
    ) -> None:
        self.name = name
        self.options = options
        self.run = run
        self.formats = formats
        self.negative_numbers = negative_numbers

    def fields(self) -> Iterator[Field]:
        """Every field with its spelling, in the order of the help."""
        return _fields(self.options)

    def made(self, given: dict[str, object]) -> Options:
        """The options with what is given, and the defaults of all else."""
        return self.options._make(self._values(given))

    def _values(self, given: dict[str, object]) -> Iterator[object]:
        defaults = self.options._field_defaults
        for name, annotation in self.options.__annotations__.items():
            if hasattr(annotation, "__metadata__"):
                yield given[name] if name in given else defaults[name]
            else:
                group = {field: given[field] for field in annotation._fields if field in given}
                yield defaults[name]._replace(**group) if group else defaults[name]

    def parse(self, arguments: Sequence[str]) -> Options | None:
        """The options that a command line gives; None for what click answers: --help and mistakes."""
        fields = list(self.fields())
        spelled = {name: field for field in fields for name in (*field.parameter.names, field.parameter.off)}
        found: dict[str, Any] = {}
        rest: list[str] = []
        words = iter(arguments)
        for word in words:
            if word == "--":
                rest.extend(words)
            elif word in {"-", ""} or not word.startswith("-") or self._is_number(word, spelled):
                rest.append(word)
            elif not (_long if word.startswith("--") else _short)(word, words, spelled, found):
                return None
        positional = next((field for field in fields if not field.parameter.names), None)
        if positional is not None and rest:
            if len(rest) > 1 and not positional.parameter.many:
                return None
            found[positional.name] = rest if positional.parameter.many else rest[0]
        elif rest:
            return None
        if any(field.required and field.name not in found for field in fields):
            return None
        try:
            return self.made({field.name: _value(field, found) for field in fields if field.name in found})
        except ValueError:
            return None

    def _is_number(self, word: str, spelled: dict[str | None, Field]) -> bool:
        return (
            self.negative_numbers
            and not word.startswith("--")
            and not any(f"-{letter}" in spelled for letter in word[1:])
        )


def _fields(options: Any) -> Iterator[Field]:
    defaults = options._field_defaults
    for name, annotation in options.__annotations__.items():
        if hasattr(annotation, "__metadata__"):
            yield Field(name, annotation.__metadata__[0], defaults.get(name), name not in defaults)
        else:
            yield from _fields(annotation)


def _long(word: str, words: Iterator[str], spelled: dict[str | None, Field], found: dict[str, Any]) -> bool:
    """Take an option such as `--jobs 4` or `--jobs=4`; whether it is one."""
    name, equals, value = word.partition("=")
    field = spelled.get(name)
    if field is None or (equals and field.parameter.is_flag):
        return False
    return _take(field, name, value if equals else None, words, found)


def _short(word: str, words: Iterator[str], spelled: dict[str | None, Field], found: dict[str, Any]) -> bool:
    """Take options such as `-qv`, `-j 4` or `-j4`; whether each is one."""
    for index, letter in enumerate(word[1:], 2):
        field = spelled.get(f"-{letter}")
        if field is None:
            return False
        if not field.parameter.is_flag:
            return _take(field, f"-{letter}", word[index:] or None, words, found)
        found[field.name] = True
    return True


def _take(field: Field, name: str, value: str | None, words: Iterator[str], found: dict[str, Any]) -> bool:
    """Note what an option gives, `value` or the next word; whether it has a value."""
    if field.parameter.is_flag:
        found[field.name] = name != field.parameter.off
        return True
    text = next(words, None) if value is None else value
    if text is None:
        return False
    if field.parameter.many:
        found.setdefault(field.name, []).append(text)
    else:
        found[field.name] = text
    return True


def _value(field: Field, found: dict[str, Any]) -> object:
    """The value of a field that is given.

    Raises:
        ValueError: the text is none.
    """
    given, parameter = found[field.name], field.parameter
    if parameter.is_flag:
        return given
    convert = parameter.type.convert if parameter.type else str
    value = tuple(convert(text) for text in given) if parameter.many else convert(given)
    return parameter.parse(value) if parameter.parse else value
