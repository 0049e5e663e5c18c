"""The recipes of docs/recipes: their commands are run, and print what the pages show."""

import os
import shutil
from pathlib import Path

import PIL
import pytest

import recipes

pytestmark = pytest.mark.skipif(
    os.name == "nt" or shutil.which("git") is None, reason="the recipes are for a shell, and one is about git"
)


@pytest.mark.skipif(
    int(PIL.__version__.partition(".")[0]) < 13,
    reason="older versions of Pillow write other numbers of bytes",
)
@pytest.mark.parametrize("name", recipes.SETUPS)
def test_recipes_show_what_their_commands_print(name: str, tmp_path: Path) -> None:
    """Each command of a recipe is run in order, in a home that has what the page says and nothing else."""
    page = (recipes.RECIPES / f"{name}.md").read_text("utf-8")
    assert len(recipes.commands(name)) >= 4
    assert recipes.run(name, tmp_path) == page, "run python docs/recipes.py"


def test_every_recipe_is_run() -> None:
    """A page without files to begin with would not be run."""
    pages = {path.stem for path in recipes.RECIPES.glob("*.md")} - {"README"}
    assert pages == set(recipes.SETUPS)
