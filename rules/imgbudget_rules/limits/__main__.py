"""Makes `_generated.py` of the YAML files, because reading YAML costs 20 ms at every start.

Run `python -m imgbudget_rules.limits` after every change of them.
"""

import json
from pathlib import Path
from typing import Any

from imgbudget.errors import LimitsError
from imgbudget.limits.data import LimitsData
from imgbudget.limits.files import read_yaml

_HERE = Path(__file__).parent
GENERATED = _HERE / "_generated.py"
_FIRST = ("tiers", "images", "prices", "platforms", "models", "retired")
"""The files about Claude; each other YAML file beside them is one provider's."""

_HEAD = '''\
# ruff: noqa: E501
# fmt: off
"""The limits data as literals; made by `python -m imgbudget_rules.limits`, not to be edited."""

from imgbudget.limits import Checked

'''


def read_data() -> dict[str, Any]:
    """All files as one mapping; LimitsError when one is malformed or two give the same key."""
    data: dict[str, dict[str, Any]] = {}
    others = sorted(path.stem for path in _HERE.glob("*.yaml") if path.stem not in _FIRST)
    for stem in (*_FIRST, *others):
        file = f"{stem}.yaml"
        content = read_yaml(str(_HERE / file))
        content.pop("sources", None)  # anchors only
        for section, items in content.items():
            into = data.setdefault(section, {})
            doubled = into.keys() & items.keys()
            if doubled:
                raise LimitsError(f"{file}: {section} has {', '.join(sorted(doubled))} a second time")
            into.update(items)
    LimitsData.from_mapping(data, "imgbudget_rules/limits")
    return data


def render() -> str:
    """The text of the generated module, one value a line; it is Checked, for it was parsed here."""
    return f"{_HEAD}DATA = Checked({_literal(read_data(), 0)})\n"


def _literal(item: Any, depth: int) -> str:
    if not isinstance(item, dict):
        return _quoted(item)
    if "value" in item:
        return _quoted({key: field for key, field in item.items() if field is not None or key == "value"})
    pad = "    " * depth
    lines = (f'{pad}    "{key}": {_literal(value, depth + 1)},\n' for key, value in item.items())
    return "{\n" + "".join(lines) + pad + "}"


def _quoted(item: Any) -> str:
    """A scalar, a list of names or of records, quoted as the formatter would."""
    if isinstance(item, list):
        return "[" + ", ".join(_quoted(name) for name in item) + "]"
    if isinstance(item, dict):
        return "{" + ", ".join(f'"{key}": {_quoted(field)}' for key, field in item.items()) + "}"
    if isinstance(item, str) and '"' not in item:
        return json.dumps(item)
    return repr(item)


if __name__ == "__main__":
    GENERATED.write_text(render(), encoding="utf-8")
