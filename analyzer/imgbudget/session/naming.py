"""What to say of a name that does not exist, or that has no effect."""

from collections.abc import Iterable, Iterator, Sequence

from imgbudget.config import Settings
from imgbudget.registry import AnyRule
from imgbudget.session.wishes import RunOptions


def unknown(what: str, given: str, known: Sequence[str]) -> str:
    """That there is no such thing, and which one may have been meant."""
    import difflib  # noqa: PLC0415 - only a mistake pays for it

    near = [
        match for text in (given, given.upper()) for match in difflib.get_close_matches(text, known, 1, 0.5)
    ]
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {what} {given!r}{hint}"


def without_effect(rules: Iterable[AnyRule], wishes: RunOptions, settings: Settings) -> Iterator[str]:
    """A note for each rule in preview that is selected by its own code or name while previews are off."""
    if wishes.preview or settings.preview:
        return
    selected = settings.select if wishes.select is None else wishes.select
    selectors = {*selected, *settings.extend_select, *wishes.extend_select}
    for rule in rules:
        if rule.preview and (rule.name in selectors or rule.code in {text.upper() for text in selectors}):
            yield f"{rule.code} is in preview and does not run: --preview or preview: true brings it"
