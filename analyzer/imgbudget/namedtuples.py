"""`NamedTuple` as in `typing`, whose classes take a sixth of the time to make: a start makes about a hundred.

Classes with type parameters need the one of `typing`.
"""
# ruff: noqa: ANN001, ANN002, ANN003, ANN202, ANN204, ANN206 - type checkers see typing.NamedTuple

import sys
from typing import TYPE_CHECKING

__all__ = ["NamedTuple"]

if TYPE_CHECKING or sys.version_info >= (3, 14):  # from 3.14 on, a class body no longer holds its annotations
    from typing import NamedTuple
else:
    from collections import _tuplegetter

    class _Signature:
        """The signature of a class, made when it is asked for: the constructor is compiled late."""

        def __get__(self, _value, cls):
            from inspect import Parameter, Signature  # noqa: PLC0415 - rare

            kind, defaults = Parameter.POSITIONAL_OR_KEYWORD, cls._field_defaults
            # a subclass adds methods only
            made = next(base for base in cls.__mro__ if "_fields" in vars(base))
            types = made.__annotations__
            return Signature(
                [
                    Parameter(name, kind, default=defaults.get(name, Parameter.empty), annotation=types[name])
                    for name in cls._fields
                ]
            )

    class _Record(tuple):
        """The methods of all these classes; `collections.namedtuple` makes them again for each."""

        __slots__ = ()
        _fields = ()
        _field_defaults = {}  # noqa: RUF012 - a constant
        _places = {}  # noqa: RUF012 - a constant

        __signature__ = _Signature()

        def __new__(cls, /, *values, **named):
            # compiling takes long, so a class gets its constructor when its first value is made
            names = ", ".join(cls._fields)
            # no field begins with an underscore: one may be named "new" or "cls"
            source = f"lambda _cls, {names}: _new(_cls, ({names},))"
            constructor = eval(source, {"_new": tuple.__new__})  # noqa: S307 - names of fields only
            constructor.__defaults__ = tuple(cls._field_defaults.values())
            cls.__new__ = staticmethod(constructor)
            return constructor(cls, *values, **named)

        @classmethod
        def _make(cls, values):
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
            return made

        def _replace(self, /, **named):
            values, places = list(self), self._places
            try:
                for name, value in named.items():
                    values[places[name]] = value
            except KeyError:
                unknown = [name for name in named if name not in places]
                raise ValueError(f"Got unexpected field names: {unknown!r}") from None
            return tuple.__new__(self.__class__, values)

        __replace__ = _replace

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            fields = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({fields})"

    class _Maker(type):
        """Makes the class of a body: a tuple whose places have the names of the annotations."""

        def __new__(cls, name, bases, body):
            if not bases:  # NamedTuple itself
                return super().__new__(cls, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            body["_fields"] = body["__match_args__"] = fields
            body["_field_defaults"] = {field: body[field] for field in fields if field in body}
            body["_places"] = {field: place for place, field in enumerate(fields)}
            body["__slots__"] = ()
            body |= {field: _tuplegetter(place, "") for place, field in enumerate(fields)}
            return type(name, (_Record,), body)

    class NamedTuple(metaclass=_Maker):
        """The base of a class of named fields; `_Maker` puts `tuple` in its place."""
