"""`--show-settings`: the settings of one path, and which rules are on there and why."""

import os
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from imgbudget.cli.output import Format, write_formats
from imgbudget.config.load import shown
from imgbudget.config.settings import ConfigOrigin, Override, Settings
from imgbudget.discovery.walk import EXCLUDED, NOT_INCLUDED, require_existing
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.linter.options import RunOptions
from imgbudget.linter.rule_sets import PathRules
from imgbudget.linter.run import Session
from imgbudget.linter.selection import (
    EXACT,
    NO_MATCH,
    SelectionLayer,
    has_budget,
    on_pixels,
    on_text,
    severity_of,
    specificity,
)
from imgbudget.model.budgets import NAMES
from imgbudget.model.subjects import Severity
from imgbudget.output.base import TextTable, figure, money
from imgbudget.printable import blocks, joined
from imgbudget.registry import AnyRule


class SelectionVerdict(NamedTuple):
    """Whether a rule runs, how severe its findings count, and why it is on or off."""

    rule: AnyRule
    on: bool
    severity: Severity
    reason: str


class _Step(NamedTuple):
    """A layer of selectors and how people know it: a route in a configuration, or the command line.

    `route` is None for the command line; `file` is None where the uppermost configuration that has the key
    decides.
    """

    layer: SelectionLayer
    route: str | None
    file: str | None = None


def verdicts(paths: PathRules, path: str, limits: Limits | None = None) -> Iterator[SelectionVerdict]:
    """The verdict on every rule for the file at `path`, in the order of the codes.

    `limits` are those of the model and platform that the file goes to, where the rules are to be held
    against them too: a request of the file that names another model is checked against that one's.
    """
    key = paths.overrides(path)
    config, *between, command = paths.layers(key)
    steps = [_Step(config, "")]
    for layer, number in zip(between, key, strict=True):
        file = paths.settings.overrides[number].path
        before = sum(override.path == file for override in paths.settings.overrides[:number])
        steps.append(_Step(layer, f"overrides[{before}].", file))
    steps.append(_Step(command, None))
    budgets, severities = paths.budgets(key), paths.severities(key)
    for rule in paths.rules:
        on, reason, named = _selected(rule, steps, paths.settings)
        if on and rule.preview and not (paths.choice.preview or paths.settings.preview):
            on, reason = False, "in preview: --preview or preview: true brings it"
        elif on and rule.pedantic and not (paths.choice.pedantic or named):
            on, reason = False, f"pedantic: --pedantic or selecting {rule.code} itself brings it"
        elif on and on_pixels(rule) and not (paths.with_pixels or named):
            on, reason = False, f"on pixels: --pixels, pixels: true or selecting {rule.code} itself brings it"
        elif on and on_text(rule) and not (paths.with_text or named):
            on, reason = False, f"on text: --text, text: true or selecting {rule.code} itself brings it"
        elif on and rule.budgets and not has_budget(rule, budgets):
            on, reason = False, f"no budget is set: {' or '.join(rule.budgets)}"
        elif on and limits is not None and (missing := limits.missing(rule.limits)):
            on, reason = False, f"not applicable: {missing}"
        yield SelectionVerdict(rule, on, severity_of(rule, severities) or rule.severity, reason)


def _selected(rule: AnyRule, steps: Sequence[_Step], settings: Settings) -> tuple[bool, str, bool]:
    """Whether a rule is selected, by what, and whether by its own code or name."""
    on, reason, named = False, "not selected", False
    for step in steps:
        layer = step.layer
        wanted = (*(layer.select or ()), *layer.extend_select)
        chosen, refused = _best(wanted, rule), _best(layer.ignore, rule)
        if layer.select is not None:
            on, reason = False, f"not selected: {_where('select', None, step, settings)}"
        if refused and specificity(refused, rule) >= (specificity(chosen, rule) if chosen else NO_MATCH):
            on, reason = False, f"ignored: {_where('ignore', refused, step, settings)}"
        elif chosen:
            option = "select" if chosen in (layer.select or ()) else "extend-select"
            on, reason = True, f"selected: {_where(option, chosen, step, settings)}"
            named = named or specificity(chosen, rule) == EXACT
    return on, reason, named


def _best(selectors: Sequence[str], rule: AnyRule) -> str | None:
    """The selector that names a rule most precisely, None where none does."""
    found = max(selectors, key=lambda selector: specificity(selector, rule), default=None)
    return found if found is not None and specificity(found, rule) != NO_MATCH else None


def _where(option: str, selector: str | None, step: _Step, settings: Settings) -> str:
    """A selector and where it is written, None for the whole list."""
    said = f"{option} {selector}" if selector else option
    if step.route is None:
        return f"--{said}"
    begin = f"{step.route}{option}["
    for name in settings.references:  # those of the extending configuration come first
        if (
            name.at.startswith(begin)
            and selector in (None, name.text)
            and step.file in (None, name.origin.path)
        ):
            return f"{step.route}{said} ({name.origin.path}:{name.origin.line})"
    return f"{said} (default)"


FORMATS = ("full", "json")


def show_settings(session: Session, paths: Sequence[str], formats: Sequence[Format]) -> None:
    """Print the settings for each path, as text or JSON.

    Raises:
        UsageError: a format that this output does not have, or a path that does not exist.
    """
    for name, _ in formats:
        if name not in FORMATS:
            raise UsageError(f"--show-settings has the formats {' and '.join(FORMATS)}, not {name}")
    require_existing(paths)
    records = [settings_record(session, path) for path in paths]
    write_formats(
        formats,
        "never",
        text=lambda _colour: blocks(_text(record) for record in records),
        document=lambda: {"version": 1, "settings": records},
    )


class _Origins(NamedTuple):
    """Where the settings for a path come from; `run` are those of the run, of which some hold for all."""

    options: RunOptions
    settings: Settings
    run: Settings
    overrides: tuple[Override, ...]

    def of(self, key: str, *, option: str = "", given: bool = False, overridden: str = "") -> str:
        """Where a value comes from: an option if it is `given`, an override that has `overridden`, a line."""
        if given:
            return option
        for override in reversed(self.overrides):
            if overridden and _value(override, overridden) is not None:
                return f"overrides, {override.path}" + (f":{override.line}" if override.line else "")
        settings = (
            self.run if key in ("packs", "baseline") or key.startswith("budgets.run.") else self.settings
        )
        return _shown_origin(settings.origins.get(key))

    def all(self, budgets: Collection[str], *, assumed: bool) -> dict[str, str]:
        """Where each setting comes from, by its key; `assumed` is whether the platform chose the model."""
        options = self.options
        found = {
            "model": self.of("model", option="--model", given=options.model is not None, overridden="model"),
            "platform": self.of(
                "platform", option="--platform", given=options.platform is not None, overridden="platform"
            ),
            "client": self.of("client", option="--client", given=options.client is not None),
            "limits": self.of("limits", option="--limits", given=options.limits is not None),
            "baseline": self.of("baseline", option="--baseline", given=options.baseline is not None),
            "preview": self.of("preview", option="--preview", given=options.preview),
            "pixels": self.of("pixels", option="--pixels", given=options.pixels is not None),
            "text": self.of("text", option="--text", given=options.text is not None),
        }
        if assumed and found["model"] == "default":
            found["model"] = "assumed for the platform"
        for key in ("exclude", "include", "packs", "select", "ignore"):
            found[key] = self.of(key)
        for name in budgets:
            given = options.budgets.amount(name) is not None
            found[f"budgets.{name}"] = self.of(
                f"budgets.{name}", option="--budget", given=given, overridden=name
            )
        for key, origin in self.settings.origins.items():
            if key.startswith(("severity.", "thresholds.", "platforms.", "processors.")):
                found[key] = _shown_origin(origin)
        return found


def _shown_origin(origin: ConfigOrigin | None) -> str:
    if origin is None:
        return "default"
    return f"{origin.path}:{origin.line}" if origin.line else origin.path


def _value(override: Override, name: str) -> object:
    """What an override has for a setting: the model, the platform, or a budget by its name."""
    return override.budgets.amount(name) if "." in name else getattr(override, name)


def settings_record(session: Session, path: str) -> dict[str, Any]:
    """The settings of one path, as a record for JSON."""
    # the settings of a folder are those of the files in it
    context = session.context.at(f"{path}/." if os.path.isdir(path) else path)
    settings, rules = context.paths.settings, context.paths
    key = rules.overrides(path)
    budgets = rules.budgets(key)._replace(run=session.context.paths.budgets(()).run)
    amounts = {name: amount for name in NAMES if (amount := budgets.amount(name)) is not None}
    overrides = tuple(settings.overrides[number] for number in key)
    origins = _Origins(session.options, settings, session.settings, overrides)
    found, bound = origins.all(amounts, assumed=context.model != settings.model), context.limits()
    if bound.platform != context.platform:
        found["platform"] = f"of the model, which {context.platform} does not serve"
    return {
        "path": path,
        "left_out_by": _LEFT_OUT.get(session.why_left_out(path) or ""),
        "configuration": shown(settings.source) if settings.source else None,
        "inherited": [shown(name) for name in settings.inherited],
        "model": context.model,
        "platform": bound.platform,
        **({"client": context.client.profile.label} if context.client else {}),
        "limits": session.options.limits or settings.limits,
        "baseline": session.options.baseline or session.settings.baseline,
        "platforms": {
            gateway.name: {
                "like": gateway.like,
                **{name: value.text for name, value in gateway.limits.items()},
            }
            for gateway in settings.gateways
        },
        "processors": {row.pattern: dict(row.options) for row in settings.processors.rows}
        if settings.processors
        else {},
        "packs": list(session.settings.packs),
        "exclude": list(settings.exclude),
        "include": list(settings.include),
        "preview": rules.choice.preview or settings.preview,
        "pixels": rules.with_pixels,
        "text": rules.with_text,
        "budgets": amounts,
        "overrides": [{"index": number, "files": list(settings.overrides[number].files)} for number in key],
        "origins": found,
        "rules": [
            {
                "code": verdict.rule.code,
                "name": verdict.rule.name,
                "on": verdict.on,
                "severity": str(verdict.severity),
                "reason": verdict.reason,
            }
            for verdict in verdicts(rules, path, bound)
        ],
    }


_LEFT_OUT = {EXCLUDED: "exclude", NOT_INCLUDED: "include"}
"""The keys that leave a file out of searches, by the reasons for that."""


def _text(record: dict[str, Any]) -> str:
    table = TextTable(("code", "name", "", "severity", "why"))
    for rule in record["rules"]:
        on = "on" if rule["on"] else "off"
        table.add(rule["code"], rule["name"], on, rule["severity"], rule["reason"])
    lines = [f"settings for {record['path']}", *_lines(record)]
    return blocks((joined(lines), table.text()))


def _lines(record: dict[str, Any]) -> Iterator[str]:
    yield f"  configuration  {record['configuration'] or 'none, only defaults'}"
    if key := record["left_out_by"]:
        yield f"  left out       by {key}, of searches; named, it is checked"
    for name in record["inherited"]:
        yield f"  inherited      {name}"
    for name, value, key in _values(record):
        yield f"  {name:<14} {value}  ({record['origins'][key]})"
    for name, stated in record["platforms"].items():
        texts = (f"{key.replace('_', ' ')} {text}" for key, text in stated.items() if text is not None)
        yield f"  {name}: {', '.join(texts)}"
    for name, stated in record["processors"].items():
        yield f"  {name}: {', '.join(f'{key} {value}'.lower() for key, value in stated.items())}"
    for override in record["overrides"]:
        yield f"  override       {override['index']}: {', '.join(override['files'])}"


def _values(record: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The names, texts and keys of the single values."""
    for name in ("model", "platform", "client"):
        if name in record:
            yield name, record[name], name
    yield "limits", record["limits"] or "built in", "limits"
    yield "rule packs", ", ".join(record["packs"]), "packs"
    for name in ("exclude", "include"):
        if record[name]:
            yield name, ", ".join(record[name]), name
    for name in ("preview", "pixels", "text"):
        if record[name]:
            yield name, "on", name
    if record["baseline"]:
        yield "baseline", record["baseline"], "baseline"
    for name, amount in record["budgets"].items():
        yield (
            "budget",
            f"{name} {money(amount) if name.endswith('cost') else figure(amount)}",
            f"budgets.{name}",
        )
