"""`dataclass` as in `dataclasses`, for modules that a start on a request imports.

`dataclasses` needs `inspect`, and compiles six methods for each class; here a class compiles nothing, and its
constructor is compiled when the first object is made. That some classes are frozen is left to type checkers.
"""
# ruff: noqa: A002, ANN001, ANN002, ANN003, ANN201, ANN202, ANN204, SLF001 - type checkers see dataclasses

import sys
from operator import attrgetter
from typing import TYPE_CHECKING

__all__ = ["dataclass", "field", "replace"]

if TYPE_CHECKING or sys.version_info >= (3, 14):  # from 3.14 on, a class body no longer holds its annotations
    from dataclasses import dataclass, field, replace
else:
    _MISSING = object()

    class _Slot:
        """What a class knows of a field."""

        __slots__ = ("default", "factory", "init", "keyword", "shown")

        def __init__(self, default, factory, init, shown):
            self.default, self.factory, self.init, self.shown = default, factory, init, shown
            self.keyword = False

    def field(*, default=_MISSING, default_factory=None, init=True, repr=True):
        """A field whose value is made for each object, or that is no argument, or is not shown."""
        return _Slot(default, default_factory, init, repr)

    def _constructor(places, *, post_init):
        """The `__init__` of a class with these fields."""
        names = {"MISSING": _MISSING}  # no field has a name in capitals
        by_place, by_name, lines = [], [], []
        for name, place in places.items():
            value, argument = name, name
            if place.factory is not None:
                names[f"MAKE_{name}"] = place.factory
                argument = f"{name}=MISSING"
                value = f"MAKE_{name}() if {name} is MISSING else {name}"
            elif place.default is not _MISSING:
                names[f"DEFAULT_{name}"] = place.default
                argument = f"{name}=DEFAULT_{name}"
            if place.init:
                (by_name if place.keyword else by_place).append(argument)
            elif place.factory is not None:
                value = f"MAKE_{name}()"
            elif place.default is not _MISSING:
                value = f"DEFAULT_{name}"
            else:
                continue
            lines.append(f" self.{name} = {value}")
        if post_init:
            lines.append(" self.__post_init__()")
        arguments = ", ".join(["self", *by_place, *(["*"] if by_name else []), *by_name])
        source = f"def __init__({arguments}):\n" + ("\n".join(lines) or " pass")
        exec(source, names)  # noqa: S102 - names of fields only
        return names["__init__"]

    def _same(self, other):
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self is other or self._values(self) == other._values(other)

    def _hash(self):
        return hash(self._values(self))

    def _show(self):
        shown = [f"{name}={getattr(self, name)!r}" for name, place in self._places.items() if place.shown]
        return f"{self.__class__.__qualname__}({', '.join(shown)})"

    def dataclass(*, slots, frozen=False, kw_only=False, eq=True, repr=True):  # noqa: ARG001 - always slots
        """Make the class of a body: its annotations are the slots, and the arguments of its constructor."""

        def made(cls):
            body = dict(cls.__dict__)
            places = dict(getattr(cls, "_places", ()))
            own = body.get("__annotations__", ())
            body["__slots__"] = tuple([name for name in own if name not in places])
            for name in own:
                value = body.pop(name, _MISSING)
                place = value if isinstance(value, _Slot) else _Slot(value, None, init=True, shown=True)
                place.keyword = kw_only
                places[name] = place
            body["_places"] = places
            by_place = [name for name, place in places.items() if place.init and not place.keyword]
            body["__match_args__"] = tuple(by_place)
            post_init = hasattr(cls, "__post_init__")

            def first(self, *values, **named):
                final.__init__ = constructor = _constructor(places, post_init=post_init)
                constructor(self, *values, **named)

            body["__init__"] = first
            if eq:
                body["_values"] = attrgetter(*places)
                body.setdefault("__eq__", _same)
                body["__hash__"] = _hash if frozen else None
            if repr:
                body.setdefault("__repr__", _show)
            body.pop("__dict__", None)
            body.pop("__weakref__", None)
            final = type(cls)(cls.__name__, cls.__bases__, body)
            final.__qualname__ = cls.__qualname__
            return final

        return made

    def replace(value, /, **named):
        """A copy of a value with other values of these fields."""
        for name, place in value._places.items():
            if place.init and name not in named:
                named[name] = getattr(value, name)
        return value.__class__(**named)
