"""Pedantic rules end to end: silent until they are asked for."""

from pathlib import Path

from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

PEDANTIC = ["IB203", "IB502", "IB505"]


def request_file(folder: Path) -> None:
    """A request that all pedantic rules have something to say of."""
    images = [image_block(image_bytes((1920, 1080), colour=colour)) for colour in (1, 2)]
    write_json(folder / "r.json", body(*images, "Give the bounding box of the button in both."))


def test_pedantic_rules_are_silent_by_default(imgbudget: Command, tmp_path: Path) -> None:
    """Selecting their families does not bring them either."""
    request_file(tmp_path)
    assert set(imgbudget("check", "r.json", "--format", "json").codes) == {"IB201"}
    run = imgbudget("check", "r.json", "--format", "json", "--select", "IB2,IB5")
    assert set(run.codes) == {"IB201"}


def test_pedantic_rules_run_on_demand(imgbudget: Command, tmp_path: Path) -> None:
    """--pedantic brings all of them, a rule's own code that one."""
    request_file(tmp_path)
    run = imgbudget("check", "r.json", "--format", "json", "--pedantic")
    assert set(run.codes) == {"IB201", *PEDANTIC}
    for code in PEDANTIC:
        run = imgbudget("check", "r.json", "--format", "json", "--select", code)
        assert (set(run.codes), run.code) == ({code}, 0)
        assert {finding["severity"] for finding in run.json["findings"]} == {"info"}
