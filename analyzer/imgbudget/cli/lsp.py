"""`imgbudget lsp`: a language server for editors, over standard input and output."""

import os
import sys
from typing import Annotated, NamedTuple

from imgbudget.cli.command import Command, flag
from imgbudget.cli.extras import of_extra
from imgbudget.cli.options import (
    FIX_LEVEL,
    PEDANTIC,
    PIXELS,
    TEXT,
    ConfigOptions,
    ModelOptions,
    SelectionOptions,
    run_options,
)
from imgbudget.cli.output import say
from imgbudget.linter.run import Session
from imgbudget.model.subjects import Severity


class LspOptions(NamedTuple):
    """The options of `lsp`."""

    stdio: Annotated[
        bool, flag("--stdio", help="Use standard input and output, as is always done; some editors add it.")
    ] = False
    provider: ModelOptions = ModelOptions()
    rules: SelectionOptions = SelectionOptions()
    pedantic: Annotated[bool, PEDANTIC] = False
    pixels: Annotated[bool, PIXELS] = False
    text: Annotated[bool, TEXT] = False
    fix_level: Annotated[str, FIX_LEVEL] = "error"
    settings: ConfigOptions = ConfigOptions()


def lsp(options: LspOptions) -> int:
    """Serve editors by the Language Server Protocol: findings, fixes and costs in JSON, JSON Lines and YAML.

    Needs the extra lsp. Editors start it; docs/editors.md has the settings of each. The text is checked as it
    is in the editor, with the configuration nearest to its file. --fix-level says what "fix all" fixes; each
    finding has its fix beside it, whatever its severity.
    """
    provider, settings = options.provider, options.settings
    run = run_options(
        provider=provider._replace(limits=provider.limits and os.path.abspath(provider.limits)),
        settings=settings._replace(config=settings.config and os.path.abspath(settings.config)),
        rules=options.rules,
    )._replace(pedantic=options.pedantic, pixels=options.pixels or None, text=options.text or None)
    Session(run._replace(isolated=run.config is None))  # mistakes in the options end here
    if sys.stdin.isatty():
        say("waiting for the messages of an editor, which starts this; docs/editors.md has the settings")
    server = of_extra("imgbudget.editors.server", "lsp")
    code: int = server.serve(run, Severity[options.fix_level.upper()])
    return code


command: Command[LspOptions] = Command("lsp", LspOptions, lsp)
