"""Rule packs: imports them by name, collects rules and limits, refuses codes and names that are taken."""

import os
import site
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

import imgbudget
from imgbudget.config.load import shown
from imgbudget.config.settings import Settings
from imgbudget.errors import LimitsError, PackError
from imgbudget.namedtuples import NamedTuple
from imgbudget.rule import Rule

AnyRule = Rule[Any]


class Registry(NamedTuple):
    """The rules of all packs in the order of their codes, and the limits data of the packs."""

    rules: tuple[AnyRule, ...]
    limits: tuple[Mapping[str, Any], ...]

    def find(self, code_or_name: str) -> AnyRule | None:
        """The rule with this code or name, in any case; None if there is none."""
        wanted = code_or_name.upper()
        for rule in self.rules:
            if rule.code == wanted or rule.name == code_or_name.lower():
                return rule
        return None


def configured_packs(settings: Settings, *, local: bool) -> Registry:
    """The packs of a configuration; with `local` also from its folder, the working folder and Python's path.

    Raises:
        PackError: a pack cannot be loaded.
        LimitsError: none of them has limits.
    """
    source = settings.source and shown(settings.source)
    folders = (settings.root, os.getcwd()) if local else None
    registry = load_packs(settings.packs, local=folders, source=source)
    if not registry.limits:
        own, *_ = Settings().packs
        raise LimitsError(
            f"{source}: packs: no pack in the list has limits of models; add imgbudget's own: "
            f"packs: [{', '.join((own, *settings.packs))}]"
        )
    return registry


def load_packs(
    names: Iterable[str], *, local: Sequence[str] | None = None, source: str | None = None
) -> Registry:
    """Import each pack and take its `RULES` (a tuple of rules) and `LIMITS` (a mapping, optional).

    Packs are imported from installed distributions only. If `local` is not None, they may also be on
    Python's path or in these folders. `source` is the configuration that names them, for messages.

    Raises:
        PackError: a pack is not installed, cannot be imported or has no rules, or a code or name is used
            twice.
    """
    rules: dict[str, AnyRule] = {}
    owners: dict[str, str] = {}
    limits: list[Mapping[str, Any]] = []
    place = f"{source}: packs: " if source else ""
    for name in names:
        pack = _import(name, local, place)
        found = getattr(pack, "RULES", None)
        if not isinstance(found, tuple) or not all(isinstance(rule, Rule) for rule in found):
            raise PackError(f"{place}rule pack {name!r} has no RULES, a tuple of rules")
        for rule in found:
            for key in (rule.code, rule.name):
                if key in owners:
                    raise PackError(f"{place}{key} of rule pack {name!r} is already used in {owners[key]!r}")
                owners[key] = name
            rules[rule.code] = rule
        data = getattr(pack, "LIMITS", None)
        if data is not None:
            limits.append(data)
    return Registry(tuple(rules[code] for code in sorted(rules)), tuple(limits))


class _Finder:
    """Finds one top-level package at a known place, whatever Python's path has in front of it."""

    def __init__(self, spec: ModuleSpec) -> None:
        self._spec = spec

    def find_spec(self, name: str, _path: object, _target: object = None) -> ModuleSpec | None:
        """The place of the package; nothing for any other module."""
        return self._spec if name == self._spec.name else None


def _import(name: str, local: Sequence[str] | None, place: str) -> ModuleType:
    """The module of a pack.

    Raises:
        PackError: it is not installed, or cannot be imported.
    """
    top = name.partition(".")[0]
    if any(part.startswith("__") for part in name.split(".")):
        raise PackError(f"{place}{name!r} is a program, not a rule pack")
    spec = _installed(top)
    if spec is None and local is not None:
        spec = _local(top, local)
    elif spec is not None and not _is_at(sys.modules.get(top), spec):
        other = getattr(sys.modules[top], "__file__", None)
        raise PackError(f"{place}rule pack {name!r} is installed, but {top!r} was imported from {other}")
    if spec is None:
        raise PackError(f"{place}{_not_installed(name, top, local)}")
    finder = _Finder(spec)
    sys.meta_path.insert(0, finder)
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:  # the code of a pack can raise anything, and end the program
        text = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise PackError(f"{place}rule pack {name!r} cannot be imported: {text}") from error
    finally:
        sys.meta_path.remove(finder)


def _installed(top: str) -> ModuleSpec | None:
    """The place of a top-level package that is installed; of an editable one, where it is developed."""
    own = os.path.dirname(os.path.dirname(os.path.abspath(imgbudget.__file__)))
    spec = PathFinder.find_spec(top, [own])  # where the pack that ships is: the rest takes ten times longer
    if spec is not None and spec.loader is not None:
        return spec
    folders = (own, *_site_folders())
    spec = PathFinder.find_spec(top, folders) or PathFinder.find_spec(top, tuple(_path_files(folders)))
    if spec is not None and spec.loader is None and spec.submodule_search_locations is not None:
        # a package without __init__.py: a plain list, because Python would add folders of its path later
        spec.submodule_search_locations = list(spec.submodule_search_locations)
    return spec or _redirected(top, folders)


def _site_folders() -> Iterator[str]:
    """The folders into which distributions are installed."""
    yield from site.getsitepackages()
    if site.ENABLE_USER_SITE:
        yield site.getusersitepackages()
    here = os.path.join(os.getcwd(), "")
    for folder in sys.path:  # environments that are stacked, e.g. by uv run --with
        named = os.path.basename(folder) in _SITE_NAMES
        if named and os.path.isabs(folder) and not folder.startswith(here):
            yield folder


_SITE_NAMES = frozenset({"site-packages", "dist-packages"})


def _path_files(folders: Sequence[str]) -> Iterator[str]:
    """The folders that path files (`*.pth`) name, as editable installations do."""
    own, *others = dict.fromkeys(folders)
    for folder in (own, *(other for other in others if os.path.basename(other) in _SITE_NAMES)):
        try:
            names = [name for name in os.listdir(folder) if name.endswith(".pth")]
        except OSError:
            continue
        for name in names:
            try:
                with open(os.path.join(folder, name), encoding="utf-8-sig", errors="replace") as file:
                    lines = file.read().splitlines()
            except OSError:
                continue
            for line in lines:
                text = line.strip()
                if text and not text.startswith(("#", "import ", "import\t")):
                    yield os.path.abspath(os.path.join(folder, text))


def _redirected(top: str, folders: Sequence[str]) -> ModuleSpec | None:
    """The place that an editable installation names by a separate module, as setuptools and meson do."""
    for finder in sys.meta_path:
        name = getattr(finder, "__module__", None)
        module = sys.modules.get(name) if isinstance(name, str) else None
        file = getattr(module, "__file__", None)
        if name and name.startswith("_") and file and os.path.dirname(file) in folders:
            spec = finder.find_spec(top, None)
            if spec is not None:
                return spec
    return None


def _local(top: str, folders: Sequence[str]) -> ModuleSpec | None:
    """The place of a top-level package on Python's path or in these folders, which join the path."""
    spec = PathFinder.find_spec(top)
    if spec is not None:
        return spec
    for folder in folders:
        spec = PathFinder.find_spec(top, [folder])
        if spec is not None:
            sys.path.append(folder)
            return spec
    return None


def _is_at(module: ModuleType | None, spec: ModuleSpec) -> bool:
    """Whether a module, if it is imported at all, was imported from this place."""
    if module is None:
        return True
    if spec.origin is None or module.__spec__ is None or module.__spec__.origin is None:
        wanted = set(spec.submodule_search_locations or ())
        return set(getattr(module, "__path__", ("",))) <= wanted
    mine, other = module.__spec__.origin, spec.origin
    return mine == other or os.path.realpath(mine) == os.path.realpath(other)


def _not_installed(name: str, top: str, local: Sequence[str] | None) -> str:
    """Why a pack is not imported, and what to do, as a clause."""
    if top in sys.stdlib_module_names:
        return f"{name!r} is a module of Python itself, not a rule pack"
    if local is not None:
        return f"rule pack {name!r} cannot be imported: no module {top!r}; install it, or correct the name"
    return (
        f"rule pack {name!r} is not installed; install the package that contains it, or import it from the "
        "working folder or Python's path with --allow-local-packs (in Python: allow_local_packs=True)"
    )
