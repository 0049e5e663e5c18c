"""Commands as typed options with a spelling for each: what reads a command line, and what click is made of.

The options of a command are a named tuple. Each field is annotated with its spelling and help, and its
default is the only one there is. A field may also be a group: a named tuple that several commands share.
`Command.parse` reads every well-formed command line. Help, completion and mistakes are left to click, whose
commands `imgbudget.cli.group` makes from the same tables: loading click takes as long as checking a file.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from imgbudget.cli.completion import files
from imgbudget.cli.output import refuse_replaced, say
from imgbudget.errors import UsageError, why_unread
from imgbudget.namedtuples import NamedTuple
from imgbudget.positional import read_named

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
    all texts, and raises ValueError. `off` is the spelling that sets a flag to False. Help and completion
    leave out what is `hidden`. An argument that is `needed` may also be given by --files-from. Of an old
    spelling, `instead` is what to write now; it is hidden as well.
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
    hidden: bool = False
    instead: str | None = None
    needed: bool = False


def deprecated(parameter: Parameter, instead: str) -> Parameter:
    """An old spelling that still works, with a note that says what to write now."""
    return parameter._replace(hidden=True, instead=instead)


def flag(*names: str, help: str, off: str | None = None, hidden: bool = False) -> Parameter:  # noqa: A002 - click's word
    """An option without a value."""
    return Parameter(names, help, is_flag=True, off=off, hidden=hidden)


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


def argument(
    metavar: str, *, many: bool = False, complete: "Complete | None" = None, needed: bool = False
) -> Parameter:
    """What is given without a name; required where the field has no default."""
    return Parameter((), metavar=metavar, many=many, complete=complete, needed=needed)


class Field(NamedTuple):
    """A field of the options of a command, or of one of their groups."""

    name: str
    parameter: Parameter
    default: object
    required: bool


HOOK = "--hook"
"""The option after which names of files that begin with a dash are no options."""


class Command(Generic[Options]):
    """A command: its name, the type of its options, and what it does with them; the exit code.

    `formats` are the names that its --format takes, the default first. With `negative_numbers` an argument
    may begin with a minus. `is_hook_file` says of a name whether hooks pass files so called; commands
    without it have no --hook.
    """

    def __init__(  # noqa: PLR0913 - keyword arguments
        self,
        name: str,
        options: type[Options],
        run: Callable[[Options], int],
        *,
        formats: Sequence[str] = (),
        negative_numbers: bool = False,
        is_hook_file: Callable[[str], bool] | None = None,
    ) -> None:
        self.name = name
        self.options = options
        self.run = run
        self.formats = formats
        self.negative_numbers = negative_numbers
        self.is_hook_file = is_hook_file

    def done(self, options: Options) -> int:
        """Run the command; the exit code.

        Raises:
            UsageError: output would replace a file that the command line names to be read.
            ImgbudgetError: as the command raises it.
        """
        options = self._with_listed(options)
        for name, instead in _deprecated(self.fields(), options):
            say(f"note: {name} is deprecated; write {instead}")
        given = tuple(_given(options))
        refuse_replaced(written_files(options), (text for one, text in given if _is_read(one)))
        return self.run(options)

    def _with_listed(self, options: Options) -> Options:
        """The options with the paths that --files-from names behind those of the command line.

        Raises:
            UsageError: the list cannot be read, or there are no paths and the command needs some.
        """
        if not hasattr(options, "files_from"):
            return options
        field = next(field for field in self.fields() if field.parameter.many and not field.parameter.names)
        given: tuple[str, ...] = getattr(options, field.name)
        lists: tuple[str, ...] = options.files_from
        if lists:
            given = () if given is field.default else given
            for name in lists:
                given = (*given, *listed_paths(name, given))
        if not given and field.parameter.needed:
            nothing = f"--files-from {', '.join(lists)}: names no file; " if lists else ""
            raise UsageError(f"{nothing}give {field.parameter.metavar}, or --files-from FILE")
        return options._replace(**{field.name: given})

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
        """The options that a command line gives; None for what click answers: --help and mistakes.

        Raises:
            UsageError: as `separated` does.
        """
        fields = list(self.fields())
        spelled = _spelled(fields)
        arguments = self.separated(arguments)
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
        if _take_arguments(rest, fields, found):
            return None
        if any(field.required and field.name not in found for field in fields):
            return None
        try:
            return self.made({field.name: _value(field, found) for field in fields if field.name in found})
        except ValueError:
            return None

    def unknown_option(self, arguments: Sequence[str]) -> str | None:
        """The first option of a command line that no field has; None if `parse` reads the line."""
        if self.parse(arguments) is not None:
            return None
        spelled = _spelled(self.fields())
        dashed = (word for word in arguments if word.startswith("-") and word not in {"-", "--"})
        unknown = (word for word in dashed if not self._is_number(word, spelled))
        return next((word for word in unknown if _is_unknown(word, spelled)), None)

    def separated(self, arguments: Sequence[str]) -> Sequence[str]:
        """A command line in which `--` is in front of the paths that come after --hook.

        Hooks append the names of files to the options that users give them, and a name in a repository may
        be that of an option. After --hook, a word that begins with a dash and names an existing file is
        therefore a path; what is in front of it comes from the hook itself.

        Raises:
            UsageError: a word is an option and also names a file that no hook passes.
        """
        if self.is_hook_file is None or HOOK not in arguments:
            return arguments
        begin = arguments.index(HOOK) + 1
        if "--" in arguments[:begin]:
            return arguments
        spelled = _spelled(self.fields())
        options = list(arguments[:begin])
        paths: list[str] = []
        words = iter(arguments[begin:])
        for word in words:
            if word == "--":
                paths.extend(words)
            elif not word.startswith("-"):
                paths.append(word)
            elif os.path.lexists(word):
                if not self.is_hook_file(word) and _option_of(word, spelled) is not None:
                    raise UsageError(f"{word}: both an option and the name of a file; rename the file")
                paths.append(word)
            elif word == "-":
                paths.append(word)
            else:
                options.append(word)
                if _awaits_value(word, spelled):
                    options.extend(next(([value] for value in words), []))
        # a file named - is not standard input
        paths = [
            os.path.join(os.curdir, path) if path == "-" and os.path.lexists(path) else path for path in paths
        ]
        return [*options, "--", *paths]

    def _is_number(self, word: str, spelled: dict[str | None, Field]) -> bool:
        return (
            self.negative_numbers
            and not word.startswith("--")
            and not any(f"-{letter}" in spelled for letter in word[1:])
        )


_WRITTEN = frozenset(("--format", "--report", "--record", "--rows", "--html", "--hashes", "--dedupe-list"))
"""Options that name a file which is written; --output refuses more."""

_READ = frozenset(("--against", "--limits", "--config", "--files-from"))
"""Options that name a file which is read, as arguments do."""


FILES_FROM = option(
    "--files-from",
    metavar="FILE",
    many=True,
    complete=files,
    help="Also take the paths that FILE lists, or standard input (-): one a line, or each ended by NUL as "
    "git ls-files -z and find -print0 write them; may be repeated.",
)

_MOST_LIST = 1 << 28
_QUOTED = rb'"((?:[^"\\]|\\.)*)"'
_ESCAPE = rb"\\([0-7]{3}|.)"
_LETTERS = dict(zip(b"abfnrtv", b"\a\b\f\n\r\t\v", strict=True))


def listed_paths(name: str, given: Sequence[str]) -> tuple[str, ...]:
    """The paths in a list, relative to the working folder; no name is an option or standard input.

    Raises:
        UsageError: it cannot be read, or is too long.
    """
    if name != "-":
        try:
            data = read_named(name, _MOST_LIST + 1)
        except OSError as error:
            raise UsageError(f"--files-from {name}: {why_unread(error)}") from error
    elif "-" in given:
        raise UsageError("standard input cannot be both the list of --files-from and an input (-)")
    else:
        data = sys.stdin.buffer.read(_MOST_LIST + 1)
    if len(data) > _MOST_LIST:
        raise UsageError(f"--files-from {name}: larger than the {_MOST_LIST >> 20} MB that a list may have")
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:  # as PowerShell writes it
        data = data.decode("utf-16", "replace").encode("utf-8", "surrogateescape")
    if b"\0" in data:
        names = data.split(b"\0")
    else:
        names = [
            _unquoted(line.removesuffix(b"\r")) for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        ]
    paths = (os.fsdecode(one) for one in names if one)
    return tuple(os.path.join(os.curdir, path) if path == "-" else path for path in paths)


def _unquoted(line: bytes) -> bytes:
    """A name as it is, or that of one in quotes, as git writes names with special characters."""
    found = re.fullmatch(_QUOTED, line)
    return re.sub(_ESCAPE, _unescaped, found[1]) if found else line


def _unescaped(found: re.Match[bytes]) -> bytes:
    text = found[1]
    return bytes([int(text, 8) & 0xFF if len(text) == 3 else _LETTERS.get(text[0], text[0])])


def written_files(options: NamedTuple) -> Iterator[str]:
    """The files that the options of a command name for its output."""
    for parameter, text in _given(options):
        if not _WRITTEN.isdisjoint(parameter.names):
            yield text.partition(":")[2] if "--format" in parameter.names else text


def _is_read(parameter: Parameter) -> bool:
    return not parameter.names or not _READ.isdisjoint(parameter.names)


def _given(options: Any) -> Iterator[tuple[Parameter, str]]:
    """The texts in the options of a command, each with how it is given."""
    for name, annotation in options.__annotations__.items():
        value = getattr(options, name)
        if not hasattr(annotation, "__metadata__"):
            yield from _given(value)
        elif isinstance(value, str):
            yield annotation.__metadata__[0], value
        elif isinstance(value, tuple):
            yield from ((annotation.__metadata__[0], text) for text in value if isinstance(text, str))


def _deprecated(fields: Iterable[Field], options: Any) -> Iterator[tuple[str, str]]:
    """The old spellings that a command line gives, each with what to write instead."""
    for field in fields:
        if (instead := field.parameter.instead) and _field_value(options, field.name) != field.default:
            yield field.parameter.names[-1], instead


def _field_value(options: Any, name: str) -> object:
    """The value of a field of the options of a command, or of one of their groups."""
    if hasattr(options, name):
        return getattr(options, name)
    groups = (group for group in options if hasattr(group, "_fields"))
    return next(getattr(group, name) for group in groups if name in group._fields)


def _take_arguments(words: list[str], fields: Iterable[Field], found: dict[str, Any]) -> list[str]:
    """Note the words that are no options, in the order of the fields; the words that none takes."""
    for field in fields:
        if not field.parameter.names and words:
            many = field.parameter.many
            found[field.name], words = (words, []) if many else (words[0], words[1:])
    return words


def _fields(options: Any) -> Iterator[Field]:
    defaults = options._field_defaults
    for name, annotation in options.__annotations__.items():
        if hasattr(annotation, "__metadata__"):
            yield Field(name, annotation.__metadata__[0], defaults.get(name), name not in defaults)
        else:
            yield from _fields(annotation)


def _spelled(fields: Iterable[Field]) -> dict[str | None, Field]:
    """The fields by every spelling of their options."""
    return {name: field for field in fields for name in (*field.parameter.names, field.parameter.off)}


def _option_of(word: str, spelled: dict[str | None, Field]) -> Field | None:
    """The option that a word gives, of short ones in one word the first; None if it is none."""
    return spelled.get(word.partition("=")[0] if word.startswith("--") else word[:2])


def _is_unknown(word: str, spelled: dict[str | None, Field]) -> bool:
    """Whether a word gives an option that there is not; several short ones may be in one word."""
    if word.startswith("--"):
        return _option_of(word, spelled) is None
    for letter in word[1:]:
        field = spelled.get(f"-{letter}")
        if field is None or not field.parameter.is_flag:
            return field is None  # the rest is the value of an option
    return False


def _awaits_value(word: str, spelled: dict[str | None, Field]) -> bool:
    """Whether the next word is the value of an option that this word gives."""
    if word.startswith("--"):
        field = spelled.get(word)
        return field is not None and not field.parameter.is_flag
    for index, letter in enumerate(word[1:], 2):
        field = spelled.get(f"-{letter}")
        if field is None or not field.parameter.is_flag:
            return field is not None and index == len(word)
    return False


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
