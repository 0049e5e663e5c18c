"""Consent to what costs money: a bound, a flag, or the answer to a question."""

from collections.abc import Callable

from imgbudget.cli.send_report import dollars
from imgbudget.errors import UsageError
from imgbudget.live.billing import Price


def unaffordable(
    total: Price, most: float | None, *, yes: bool, asks: bool, tell: Callable[[], None]
) -> str | None:
    """Why what costs `total` is not sent; None if it may be: by a bound in US dollars, and by consent.

    Without `yes` the person at the terminal is asked, after `tell` said what it costs; `asks` is whether
    there is one.

    Raises:
        UsageError: the bound cannot be kept, or no one is there to confirm it.
    """
    if most is not None:
        if total.most is None:
            raise UsageError(
                "--max-cost cannot be kept: no max_tokens, or no price of the output is known "
                "(a --limits FILE can tell it)"
            )
        if not total.most <= most:
            return f"it may cost {dollars(total.most)}, over {dollars(most)}"
    if yes:
        return None
    if not asks:
        raise UsageError("cannot ask for confirmation (no terminal); pass --yes to send without asking")
    tell()
    return None if _confirmed("send it?") else "you said no"


def _confirmed(question: str) -> bool:
    """Ask on the terminal; no by default.

    Raises:
        KeyboardInterrupt: the question was not answered.
    """
    from click import Abort, confirm  # noqa: PLC0415 - rare

    try:
        return confirm(question, err=True)
    except Abort:
        raise KeyboardInterrupt from None
