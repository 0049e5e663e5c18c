"""Actions where the configuration is not what it was: unsaved in the editor, or changed on the disk."""

import json
from pathlib import Path

from tests.builders import body, image_block, image_bytes
from tests.lspclient import ALL, LspClient, edited, session

START, END = {"line": 0, "character": 0}, {"line": 9999, "character": 0}
CREATES = ALL | {"workspace": {"workspaceEdit": {"documentChanges": True, "resourceOperations": ["create"]}}}


def test_new_configuration_that_is_open_is_edited_and_not_created(tmp_path: Path) -> None:
    """It is not saved yet: to create it would remove what is in it."""
    uri, config = (tmp_path / "a.json").as_uri(), (tmp_path / "imgbudget.yaml").as_uri()

    async def scenario(client: LspClient) -> None:
        await client.open(uri, json.dumps(body(image_block(image_bytes((300, 300)), "image/jpeg"))))
        await client.open(config, "# mine\n", "yaml")
        *_, action = await client.actions(uri, START, END)
        assert action["title"] == "Ignore IB105 here, in a new imgbudget.yaml"
        (change,) = (await client.ask("codeAction/resolve", action))["edit"]["documentChanges"]
        assert change["textDocument"] == {"uri": config, "version": 1}
        assert edited("# mine\n", change["edits"]).startswith("# mine\nignores:\n")

    session(scenario, tmp_path, capabilities=CREATES)


def test_without_versions_the_entry_is_a_plain_edit(tmp_path: Path) -> None:
    """Of a configuration that exists; a client that cannot create files is offered no new one."""
    uri, config = (tmp_path / "a.json").as_uri(), tmp_path / "imgbudget.yaml"
    text = json.dumps(body(image_block(image_bytes((300, 300)), "image/jpeg")))

    async def scenario(client: LspClient) -> None:
        await client.open(uri, text)
        assert [it["title"] for it in await client.actions(uri, START, END, ["quickfix"])] == [
            "Declare image/png (IB105)"
        ]
        config.write_text("model: claude-sonnet-4-6\n")
        client.change(uri, 2, {"text": text})
        await client.diagnostics()
        *_, action = await client.actions(uri, START, END, ["quickfix"])
        ((changed, (edit,)),) = action["edit"]["changes"].items()
        assert changed == config.as_uri()
        assert "ignores:" in edit["newText"]

    session(scenario, tmp_path, capabilities={})


def test_fix_with_a_configuration_that_was_broken_since_says_so(tmp_path: Path) -> None:
    """For an editor that watches no files: the action has no edit, and the mistake is shown with its line."""
    uri = (tmp_path / "a.json").as_uri()

    async def scenario(client: LspClient) -> None:
        await client.open(uri, json.dumps(body(image_block(image_bytes((300, 300)), "image/jpeg"))))
        action = (await client.actions(uri, START, END))[0]
        (tmp_path / "imgbudget.yaml").write_text("model: 7\n")
        assert await client.ask("codeAction/resolve", action) == action
        said = (await client.next("window/showMessage"))["message"]
        assert "imgbudget.yaml:1: model: " in said

    session(scenario, tmp_path)
