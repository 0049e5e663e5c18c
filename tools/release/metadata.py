"""What metadata of packages take from the address of the project: links of README, links of an index's page.

hatchling runs it. Without an address in `analyzer/imgbudget/version.py` README stays as it is, without links.
"""

import re
import runpy
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#)([^)\s]+)\)")


def with_addresses(text: str, home: str, version: str) -> str:
    """Markdown with whole addresses in place of relative ones, which lead nowhere on the page of an index."""

    def whole(link: re.Match[str]) -> str:
        mark, words, target = link.groups()
        return f"{mark}[{words}]({home}/{'raw' if mark else 'blob'}/v{version}/{target})"

    return _LINK.sub(whole, text)


def urls(home: str) -> dict[str, str]:
    """The links of the index's page, by their well-known names."""
    return {
        "Homepage": home,
        "Source": home,
        "Documentation": f"{home}/tree/main/docs",
        "Changelog": f"{home}/blob/main/CHANGELOG.md",
        "Issues": f"{home}/issues",
    }


class AddressHook(MetadataHookInterface):
    """Fills `readme` and `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set both from README.md and version.py of the tree that is built."""
        root = Path(self.root)
        values = runpy.run_path(str(root / "analyzer" / "imgbudget" / "version.py"))
        home: str | None = values["HOME"]
        text = (root / "README.md").read_text("utf-8")
        if home is not None:
            text = with_addresses(text, home, values["__version__"])
            metadata["urls"] = urls(home)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
