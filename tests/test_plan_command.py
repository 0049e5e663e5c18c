"""`imgbudget plan` on requests: what each image gives, which limits bind, and what helps where none can."""

import json
from pathlib import Path

import pytest

from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command


def noise(size: tuple[int, int], byte_size: int) -> bytes:
    """A PNG of some size in px and bytes: padded behind its end, as cameras do."""
    data = image_bytes(size)
    return data + b"\0" * (byte_size - len(data))


def test_screenshots_of_a_phone_name_the_edge(imgbudget: Command, tmp_path: Path) -> None:
    """25 and an icon, on the high-resolution tier: the number of images binds, the icon stays."""
    screenshot = image_block(image_bytes((1290, 2796)))
    write_json(tmp_path / "r.json", body(*[screenshot] * 25, image_block(), model="claude-opus-4-8"))
    for platform in ("anthropic", "bedrock"):
        run = imgbudget("plan", "r.json", "--platform", platform)
        assert run.code == 0
        assert "1290x2796  923x2000" in run.out
        assert "edge where there are more than 20" in run.out
        assert "images to change: 25" in run.out
        document = imgbudget("plan", "r.json", "--platform", platform, "--format", "json").json
        (request,) = document["requests"]
        assert request["binding"] == ["edge where there are more than 20"]
        assert request["feasible"] is True
        assert request["changed"] == 25
        assert document["plans"][-1]["changes"] is False


def test_a_body_of_forty_megabytes_is_brought_under_its_limit(imgbudget: Command, tmp_path: Path) -> None:
    """The table shows what each image gave; those under the level gave nothing."""
    sizes = (7_000_000, 7_000_000, 7_000_000, 6_000_000, 2_000_000, 1_000_000)
    blocks = [image_block(noise((1200, 896 + i), size)) for i, size in enumerate(sizes)]
    path = write_json(tmp_path / "r.json", body(*blocks, model="claude-opus-4-8"))
    assert path.stat().st_size > 40_000_000
    run = imgbudget("plan", "r.json")
    assert run.code == 0
    assert "body limit of 32,000,000 bytes; the largest images shrink first" in run.out
    made = imgbudget("plan", "r.json", "--format", "json").json
    assert [plan["to"] for plan in made["plans"]] == [plan["from"] for plan in made["plans"]]
    assert all(plan["after"]["bytes_exact"] for plan in made["plans"])
    document = imgbudget("plan", "r.json", "--estimate", "--format", "json").json
    (request,) = document["requests"]
    assert request["binding"] == ["body"]
    limit = next(limit for limit in request["limits"] if limit["name"] == "body")
    assert (limit["exceeded"], limit["binds"], limit["owner"]) == (True, True, "anthropic")
    assert limit["after"] <= limit["limit"] == 32_000_000 < limit["before"]
    after = [plan["after"]["bytes"] for plan in document["plans"]]
    assert len(set(after[:4])) == 1
    assert after[4:] == list(sizes[4:])


def test_budgets_come_from_options_or_from_the_configuration(imgbudget: Command, tmp_path: Path) -> None:
    """The option wins; both are kept by the plan and named as the user's own."""
    blocks = [image_block(image_bytes((1000, 1000), colour=i)) for i in range(4)]
    write_json(tmp_path / "r.json", body(*blocks))
    (tmp_path / ".imgbudget.yaml").write_text("budgets: {request: {tokens: 3000}}\n")
    for options, most in ((), 3000), (("--budget", "request.tokens=2k"), 2000):
        document = imgbudget("plan", "r.json", "--format", "json", *options).json
        assert document["totals"]["after"]["tokens"] <= most
        assert document["requests"][0]["binding"] == ["token budget"]
    out = imgbudget("plan", "r.json", "--budget", "request.cost=$0.003").out
    assert "cost budget" in out
    assert "your budget" in out


def test_budgets_may_hold_for_some_files_only(imgbudget: Command, tmp_path: Path) -> None:
    """Those of an override hold for its files, in a plan as in a check."""
    for name in ("a", "b"):
        write_json(tmp_path / f"{name}.json", body(image_block(image_bytes((1000, 1000)))))
    (tmp_path / ".imgbudget.yaml").write_text(
        "overrides: [{files: [a.json], budgets: {request: {tokens: 500}}}]\n"
    )
    plans = imgbudget("plan", "a.json", "b.json", "--format", "json").json["plans"]
    assert [plan["changes"] for plan in plans] == [True, False]


def test_a_plan_that_keeps_not_all_is_not_applied(imgbudget: Command, tmp_path: Path) -> None:
    """What could not be brought within its limits loses nothing for it."""
    path = write_json(tmp_path / "r.json", body(image_block(image_bytes((1000, 1000)))))
    before = path.read_bytes()
    run = imgbudget("plan", "r.json", "--apply", "--budget", "request.tokens=30")
    assert run.code == 1
    assert "no plan keeps all limits" in run.out
    assert path.read_bytes() == before


def test_bytes_of_a_body_are_a_budget_too(imgbudget: Command, tmp_path: Path) -> None:
    """The larger of two images gives."""
    write_json(tmp_path / "r.json", body(image_block(noise((400, 300), 300_000)), image_block()))
    run = imgbudget("plan", "r.json", "--budget", "request.bytes=200 KB", "--format", "json")
    assert [plan["changes"] for plan in run.json["plans"]] == [True, False]
    assert run.json["requests"][0]["binding"] == ["byte budget"]


def test_impossible_plan_says_what_would_help(imgbudget: Command, tmp_path: Path) -> None:
    """Exit 1, the reason, and the ways out: fewer images, or more requests."""
    blocks = [image_block(image_bytes(colour=i)) for i in range(103)]
    write_json(tmp_path / "r.json", body(*blocks, model="claude-haiku-4-5"))
    run = imgbudget("plan", "r.json")
    assert run.code == 1
    assert (
        "no plan keeps all limits; with the smallest legible images: 103 images, over the 100 that anthropic"
        in run.out
    )
    assert "leave out 3 images (messages.0.content.0, messages.0.content.1" in run.out
    assert "split it into at least 2 requests (imgbudget split)" in run.out
    remedy = imgbudget("plan", "r.json", "--format", "json").json["requests"][0]["remedy"]
    assert (len(remedy["drop"]), remedy["requests"]) == (3, 2)


def test_infeasible_byte_budget_gives_the_bytes_of_the_table(imgbudget: Command, tmp_path: Path) -> None:
    """The estimate for a flat image is below the usual least; a plan for just that many bytes keeps them."""
    flat = image_bytes((4000, 3000))
    path = write_json(tmp_path / "r.json", body(image_block(flat)))
    run = imgbudget("plan", "r.json", "--budget", "request.bytes=4000", "--format", "json")
    (request,) = run.json["requests"]
    (after,) = [limit["after"] for limit in request["limits"] if limit["name"] == "byte budget"]
    assert run.code == 1
    assert request["remedy"]["reasons"] == [f"a body of {after} bytes, over the limit of 4000"]
    assert imgbudget("plan", "r.json", "--budget", f"request.bytes={after}").code == 0
    assert imgbudget("plan", "r.json", "--budget", f"request.bytes={after}", "--apply").code == 0
    assert path.stat().st_size <= after


def test_rows_are_listed_with_their_lines(imgbudget: Command, tmp_path: Path) -> None:
    """The first row too, in the table and above its limits."""
    row = json.dumps(body(image_block(image_bytes((3000, 2000)))))
    (tmp_path / "r.jsonl").write_text(f"{row}\n{row}\n")
    lines = imgbudget("plan", "r.jsonl", "--all").out.splitlines()
    names = [line.partition(" messages.0.content.0 ")[0] for line in lines if " messages.0." in line]
    assert names == ["r.jsonl:1", "r.jsonl:2"]
    headings = [line.partition(": 1 image for ")[0] for line in lines if "images to change: 1" in line]
    assert headings == ["r.jsonl:1", "r.jsonl:2"]


def test_a_request_that_fits_is_not_listed(imgbudget: Command, tmp_path: Path) -> None:
    """Unless --all is given: then every limit is listed."""
    write_json(tmp_path / "r.json", body(image_block()))
    assert imgbudget("plan", "r.json").out.count("\n") == 1
    out = imgbudget("plan", "r.json", "--all").out
    assert "images and pages" in out
    assert "context" in out


def test_targets_bound_each_image(imgbudget: Command, tmp_path: Path) -> None:
    """An edge, tokens and bytes, alone or beside native."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))

    def plan(*targets: str) -> dict[str, object]:
        options = [word for target in targets for word in ("--target", target)]
        (found,) = imgbudget("plan", "a.jpg", "--format", "json", *options).json["plans"]
        assert isinstance(found, dict)
        return found

    assert plan("dimension:1024")["to"] == [1024, 768]
    assert plan("tokens:800")["to"] == [896, 672]
    assert plan("native", "bytes:50KB") | {"to": [1270, 952], "max_bytes": 51_200} == plan(
        "native", "bytes:50KB"
    )
    assert "1024 px" in str(plan("dimension:1024")["reason"])


def test_max_bytes_is_there_only_where_something_bounds_the_bytes(imgbudget: Command, tmp_path: Path) -> None:
    """A resized image within the platform's bytes has none unless a target sets them; what stays has none."""
    (tmp_path / "large.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    (tmp_path / "small.jpg").write_bytes(image_bytes((400, 300), "JPEG"))

    def bounds(*options: str) -> dict[str, object]:
        plans = imgbudget("plan", ".", "--all", "--format", "json", *options).json["plans"]
        return {plan["path"]: plan["max_bytes"] for plan in plans}

    assert bounds() == {"large.jpg": None, "small.jpg": None}
    assert bounds("--target", "bytes:200KB") == {"large.jpg": 204_800, "small.jpg": None}
    assert bounds("--target", "bytes:20MB") == {"large.jpg": 7_864_320, "small.jpg": None}


def test_reason_of_the_latency_target_is_its_advice(imgbudget: Command, tmp_path: Path) -> None:
    """Where it asks for less than the model uses, else the model's own limit decides."""
    (tmp_path / "photo.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    (tmp_path / "strip.jpg").write_bytes(image_bytes((4000, 300), "JPEG"))
    plans = imgbudget("plan", ".", "--target", "latency", "--format", "json").json["plans"]
    assert [(plan["to"], plan["reason"]) for plan in plans] == [
        ([1238, 928], "over the size advised for a quick first token"),
        ([1568, 118], "claude-sonnet-4-6 uses 1568x118"),
    ]


def test_latency_target_bounds_the_edge_of_images_with_few_pixels(imgbudget: Command, tmp_path: Path) -> None:
    """A wide image under 1.15 megapixels is over the advised edge on a model that uses more."""
    (tmp_path / "wide.jpg").write_bytes(image_bytes((2400, 400), "JPEG"))
    options = ("--model", "claude-opus-4-8", "--format", "json")
    (plan,) = imgbudget("plan", ".", "--target", "latency", *options).json["plans"]
    assert plan["to"] == [1568, 261]
    (plan,) = imgbudget("plan", ".", "--all", *options).json["plans"]
    assert plan["to"] == [2400, 400]


@pytest.mark.parametrize(
    ("most", "to", "reason"),
    [
        (1563, [1260, 945], "limit of 1563 tokens per image"),
        (1564, [1268, 951], "claude-sonnet-4-6"),
        (5000, [1268, 951], "claude-sonnet-4-6"),
    ],
)
def test_token_target_decides_only_where_the_image_would_take_more(
    imgbudget: Command, tmp_path: Path, most: int, to: list[int], reason: str
) -> None:
    """An image planned at exactly the tokens that are allowed keeps its size and the reason for it."""
    (tmp_path / "photo.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    (plan,) = imgbudget("plan", ".", "--target", f"tokens:{most}", "--format", "json").json["plans"]
    assert plan["to"] == to
    assert plan["reason"].startswith(reason)


@pytest.mark.parametrize(
    ("target", "most", "reason"),
    [
        (None, 7_864_320, "anthropic takes at most 10 MB"),
        ("8MB", 7_864_320, "anthropic takes at most 10 MB"),
        ("7864320B", 7_864_320, "limit of 7,864,320 bytes per image"),
        ("2MB", 2_097_152, "limit of 2,097,152 bytes per image"),
    ],
)
def test_reason_of_a_byte_bound_names_whose_limit_is_the_lower(
    imgbudget: Command, tmp_path: Path, target: str | None, most: int, reason: str
) -> None:
    """The user's target where it is at most the platform's limit, else the platform."""
    (tmp_path / "a.png").write_bytes(noise((400, 300), 8_000_000))
    options = ("--target", f"bytes:{target}") if target else ()
    (plan,) = imgbudget("plan", "a.png", "--format", "json", *options).json["plans"]
    assert plan["max_bytes"] == most
    assert plan["reason"].startswith(reason)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--target", "huge"), "unknown target 'huge'; write table, native, latency, dimension:1024"),
        (("--target", "dimension:0"), "unknown target"),
        (("--target", "native", "--target", "table"), "give one of table, native, latency, legible and same"),
        (("--target", "tokens:5", "--target", "tokens:6"), "tokens is given twice"),
        (("--budget", "request.bytes=much"), '--budget\': "much" is not a number of bytes'),
        (("--budget", "request.cost=0"), "for '--budget'"),
        (("--budget-bytes", "much"), '--budget-bytes: "much" is not a number of bytes'),
        (("--budget", "run.cost=$5"), "--budget run.cost: has no effect in this command"),
    ],
)
def test_usage_errors_are_reported(
    imgbudget: Command, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    """With a valid alternative, and exit 2."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    run = imgbudget("plan", "a.png", *options)
    assert (run.code, run.out) == (2, "")
    assert said in run.err


def test_each_request_of_jsonl_has_its_own_plan(imgbudget: Command, tmp_path: Path) -> None:
    """One a line, each with its line; a budget is of one request and not of the file."""
    lines = [json.dumps(body(image_block(image_bytes((400, 300), colour=i)))) for i in range(3)]
    (tmp_path / "r.jsonl").write_text("\n".join(lines))
    document = imgbudget("plan", "r.jsonl", "--budget", "request.tokens=165", "--format", "json").json
    assert [(request["line"], request["feasible"]) for request in document["requests"]] == [
        (1, True),
        (2, True),
        (3, True),
    ]
    assert not any(plan["changes"] for plan in document["plans"])


def test_what_cannot_be_read_is_named(imgbudget: Command, tmp_path: Path) -> None:
    """An error and exit code 2, also by split, and also for what a search found."""
    (tmp_path / "r.json").write_text('{"model": "nope')
    (tmp_path / "cut.png").write_bytes(image_bytes()[:40])
    for name in ("r.json", "./r.json", str(tmp_path / "r.json")):
        run = imgbudget("plan", name)
        assert (run.code, "r.json: not planned: not JSON: " in run.err) == (2, True)
    run = imgbudget("plan", "-", stdin=b'{"model": "nope')
    assert (run.code, "error: <stdin>: not planned: not JSON: " in run.err) == (2, True)
    (tmp_path / "l.jsonl").write_text(json.dumps(body(image_block())) + "\n{broken\n")
    for command in ("plan", "split"):
        run = imgbudget(command, "l.jsonl")
        assert (run.code, "1 of 2 rows are not JSON or are malformed entries" in run.err) == (2, True)
    run = imgbudget("plan", "cut.png")
    assert (run.code, "error: cut.png: not planned: ends " in run.err) == (2, True)
    run = imgbudget("plan", ".")
    assert (run.code, "error: cut.png: not planned: ends " in run.err) == (2, True)
    run = imgbudget("split", "r.json")
    assert (run.code, "r.json: not split: not JSON: " in run.err) == (2, True)
