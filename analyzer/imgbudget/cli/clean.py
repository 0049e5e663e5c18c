"""`imgbudget clean`: removes the cache of facts."""

import click

from imgbudget.reporters.base import count
from imgbudget.sources.facts_cache import cache_folder, clear


@click.command("clean")
def command() -> int:
    """Remove the cache of facts that --cache writes."""
    folder = cache_folder()
    removed = clear(folder)
    click.echo(
        f"no cache at {folder}" if removed is None else f"removed {count(removed, 'file')} at {folder}"
    )
    return 0
