"""The Python examples of docs/python.md as one program, for type checkers.

`python docs/snippets.py > FILE` writes it; CI checks it with pyright and mypy.
"""

import re
import sys
from pathlib import Path

PAGE = Path(__file__).with_name("python.md")


def python_blocks(page: str) -> list[str]:
    """The blocks of Python in a page of Markdown, in order."""
    return re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


if __name__ == "__main__":
    # each block begins with its imports, and shows a result that it does not use
    unused = "reportUnusedExpression=false, reportUnusedCallResult=false, reportDuplicateImport=false"
    sys.stdout.write(f"# pyright: strict, {unused}\n")
    sys.stdout.write("\n".join(python_blocks(PAGE.read_text(encoding="utf-8"))))
