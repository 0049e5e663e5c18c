"""The GitHub Action: its steps in the situations of pushes and pull requests."""

import http.server
import json
import re
import shutil
import threading
from pathlib import Path

import pytest

from tests.builders import image_bytes
from tests.ciscripts import ACTION, Job, git, needs_bash
from tests.hostile_names import validator

pytestmark = needs_bash


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose checkout contains one image over the native size and one clean image."""
    job = Job(tmp_path)
    (job.checkout / "big one.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    (job.checkout / "good.png").write_bytes(image_bytes())
    return job


@pytest.fixture
def pull_request(job: Job) -> Job:
    """A pull request that adds three images and removes one."""
    base = job.commit()
    for number in range(3):
        (job.checkout / f"new{number}.png").write_bytes(image_bytes((560 + number, 420)))
    (job.checkout / "good.png").unlink()
    job.commit()
    job.is_pull_request(base)
    return job


def commands(log: str) -> list[str]:
    """The workflow commands of a log that are not findings."""
    return [line for line in log.splitlines() if re.match(r"::\w+ title=", line)]


def test_every_output_is_one_that_the_step_sets(job: Job) -> None:
    """The outputs that the action declares are those of the step, no more and no less."""
    job.check()
    wired = {spec["value"] for spec in ACTION["outputs"].values()}
    assert wired == {f"${{{{ steps.check.outputs.{name} }}}}" for name in job.outputs}
    assert set(ACTION["outputs"]) == set(job.outputs)


def test_clean_checkout(job: Job) -> None:
    """Only the good image: exit code 0, no annotation, the sum in the summary."""
    done = job.check(paths="good.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("no findings in 1 checked file")
    assert job.outputs["exit-code"] == job.outputs["errors"] == job.outputs["warnings"] == "0"
    assert "**no findings in 1 checked file" in job.summary.read_text("utf-8")


def test_findings_are_annotations_summary_and_reports(job: Job) -> None:
    """The step passes so that the upload can run; the verdict then fails with the code of the check."""
    done = job.check()
    assert done.returncode == 0
    assert "::warning file=big one.jpg,title=IB201 oversized-image::" in done.stdout
    outputs = job.outputs
    assert (outputs["exit-code"], outputs["errors"], outputs["warnings"]) == ("1", "0", "1")
    assert "| big one.jpg | 4000 px | 1568 px |" in job.summary.read_text("utf-8")
    validator("sarif-2.1.0.json").validate(json.loads(Path(outputs["sarif"]).read_text("utf-8")))
    assert json.loads(Path(outputs["json"]).read_text("utf-8"))["summary"]["files"] == 2
    assert job.step("Verdict").returncode == 1


def test_inputs_are_words_and_never_code(job: Job) -> None:
    """Paths with blanks stay whole, options are a word a line, and what looks like shell is a name."""
    done = job.check(paths="big one.jpg\r\n", args="--ignore\r\nIB201\n", summary="false")
    assert (job.outputs["exit-code"], job.summary.read_text()) == ("0", "")
    assert "in 1 checked file " in done.stdout
    for evil in ("$(touch pwned)", "`touch pwned`", '" && touch pwned #', "--exit-zero"):
        done = job.check(paths=evil)
        assert job.outputs["exit-code"] == "2", evil
        assert not (job.checkout / "pwned").exists()


def test_mistake_of_use_fails_with_two_and_no_report(job: Job) -> None:
    """A wrong option: nothing to upload, the verdict is 2, and an annotation says why."""
    done = job.check(args="--selekt\nIB2")
    assert "No such option" in done.stderr
    assert commands(done.stdout)[0].startswith("::error title=imgbudget::No such option '--selekt'.")
    assert job.outputs == {"exit-code": "2"}
    done = job.check(working_directory="no such $(id)\n::set-output::")
    assert job.outputs == {"exit-code": "2"}
    (command,) = done.stdout.splitlines()
    assert command.startswith("::error title=imgbudget::working-directory: there is no folder")


def test_values_that_are_neither_true_nor_false_are_refused(job: Job) -> None:
    """`yes` is not taken for `false`."""
    done = job.step("Install imgbudget", comment="yes")
    assert (done.returncode, done.stdout) == (
        2,
        "::error title=imgbudget::the input comment is neither true nor false\n",
    )


def test_fail_on_is_respected(job: Job) -> None:
    """With `error` a warning does not fail the job."""
    job.check(fail_on="error")
    assert (job.outputs["exit-code"], job.outputs["warnings"]) == ("0", "1")


def test_gate_without_a_base_is_not_silent(job: Job) -> None:
    """A push and `compare: false` have nothing to compare with, which one notice says."""
    code, log = job.run(paths="good.png", fail_over="5%")
    assert code == 0
    (notice,) = commands(log)
    assert notice == (
        "::notice title=imgbudget::fail-over (5%25) is not checked, since the event push has no base: "
        "it is checked on pull_request and merge_group"
    )
    job.is_pull_request(job.commit())
    _, log = job.run(paths="good.png", fail_over="5%", compare="false", comment="true")
    gate, comment = commands(log)
    assert gate.startswith(
        "::notice title=imgbudget::fail-over (5%25) is not checked, since compare is false"
    )
    assert comment.startswith("::notice title=imgbudget::no comment is written, since compare is false")
    job.github["event_name"] = "pull_request_target"
    assert "the event pull_request_target has no base" in job.run(paths="good.png", fail_over="5%")[1]


def test_pull_request_shows_what_it_changes(pull_request: Job) -> None:
    """Base against head: the summary, the gate, and one comment that is written again in place."""
    job = pull_request
    code, log = job.run(fail_over="1%", comment="true")
    assert code == 1
    base = job.github["event"]["pull_request"]["base"]["sha"][:7]
    assert f"\ncompared with base-{base}.json: +2 images, " in log
    assert str(job.temp) not in log
    (gate,) = commands(log)
    assert re.match(
        r"::error title=fail-over::\+.* %25 of the visual tokens: more than the allowed 1%25", gate
    )
    assert "more than the allowed 1% (--fail-over)" in log
    assert job.git("worktree", "list").count("\n") == 0
    summary = job.summary.read_text("utf-8")
    for line in ("| new0.png | added | +1 | +300 |", "| good.png | removed | -1 | -165 |"):
        assert line in summary
    comment = job.home("body").read_text("utf-8")
    assert comment.startswith("<!-- imgbudget: what this pull request changes -->\n## imgbudget")
    assert "| new2.png | added | +1 |" in comment
    assert "| finding | where |" not in comment
    assert "**1 warning, 2 info in 4 checked files" in comment

    job.home("comments").write_text("41\n99\n")
    assert job.step("Comment", comment="true").returncode == 0
    calls = job.home("calls").read_text("utf-8").splitlines()
    assert "--method POST repos/o/r/issues/7/comments" in calls[1]
    assert "--method PATCH repos/o/r/issues/comments/41" in calls[3]


def test_gate_that_holds(pull_request: Job) -> None:
    """Growth within what is allowed passes; the findings decide. Empty inputs are the defaults."""
    job = pull_request
    code, log = job.run(fail_over="900", fail_on="never", paths="", working_directory="")
    assert (code, commands(log)) == (0, [])
    assert "+2 images" in log


@pytest.mark.parametrize(
    ("fork", "says"),
    [
        (False, "the job needs the permission pull-requests: write (gh: "),
        (True, "the permission pull-requests: write is missing, which pull requests of forks do not get; "),
    ],
)
def test_comment_without_permission_does_not_fail(job: Job, *, fork: bool, says: str) -> None:
    """A warning names the permission."""
    job.is_pull_request(job.commit(), fork=fork)
    job.home("refuses").write_text("gh: Resource not accessible by integration (HTTP 403)\n")
    code, log = job.run(comment="true", paths="good.png")
    assert code == 0
    (warning,) = commands(log)
    assert warning.startswith(f"::warning title=imgbudget::the comment cannot be written: {says}")
    assert warning.endswith("(gh: Resource not accessible by integration (HTTP 403))")


def test_pull_request_without_its_base(pull_request: Job) -> None:
    """A base that cannot be fetched: one clear line, and the findings decide; a gate is not passed."""
    job = pull_request
    job.is_pull_request("1" * 40)
    code, log = job.run(comment="true")
    assert (code, "IB201" in log) == (1, True)
    (warning,) = commands(log)
    assert log.startswith(warning), "before the findings, of which GitHub shows ten"
    assert "fatal" not in log.replace(warning, "")
    assert warning.startswith(
        "::warning title=imgbudget::nothing is compared with the base: commit 1111111 is not in the checkout "
        "and cannot be fetched (fatal: 'origin' does not appear to be a git repository"
    )
    assert warning.endswith("; set fetch-depth of actions/checkout to 0")
    for text in (job.summary, job.home("body")):
        assert (
            "\n`nothing is compared with the base: commit 1111111 is not in the checkout"
            in text.read_text("utf-8")
        )
    code, log = job.run(fail_over="5%")
    assert (code, "IB201" in log) == (2, True)
    (error,) = commands(log)
    assert error.startswith(
        "::error title=imgbudget::fail-over (5%25) cannot be checked: commit 1111111 is not"
    )


def test_base_with_a_broken_configuration(job: Job) -> None:
    """The findings of the head are shown; what is wrong at the base is named without the runner's folders."""
    (job.checkout / "imgbudget.yaml").write_text("model: [broken")
    base = job.commit()
    (job.checkout / "imgbudget.yaml").unlink()
    job.commit()
    job.is_pull_request(base)
    code, log = job.run()
    assert (code, "IB201" in log, str(job.temp) in log) == (1, True, False)
    (warning,) = commands(log)
    assert f"the check of commit {base[:7]} exits with 2 (imgbudget.yaml" in warning
    code, log = job.run(fail_over="5%", paths="good.png")
    assert code == 2, "a gate that cannot be checked is not passed"
    assert "::error title=imgbudget::fail-over (5%25) cannot be checked: the check of commit" in log


@pytest.mark.parametrize("growth", ["banana", "-20k"])
def test_gate_of_nonsense_shows_findings_and_fails(pull_request: Job, growth: str) -> None:
    """What can be written is named."""
    code, log = pull_request.run(fail_over=growth)
    assert (code, "IB201" in log) == (2, True)
    (error,) = commands(log)
    assert error.startswith(
        f"::error title=imgbudget::fail-over ({growth}) cannot be checked: --fail-over: '{growth}' is "
    )
    assert error.endswith(" is no growth; write 5%25, 20k (tokens) or $0.10")


def test_configuration_that_the_base_lacks(job: Job) -> None:
    """Options that name a configuration of the pull request: the base is checked with it too."""
    base = job.commit()
    (job.checkout / "ci").mkdir()
    (job.checkout / "ci" / "images.toml").write_text('select = ["IB0"]\nmodel = "claude-opus-4-8"\n')
    job.commit()
    job.is_pull_request(base)
    assert job.run(args="--config\n../other.yaml")[0] == 2, "none outside of the checkout"
    assert job.outputs == {}
    code, log = job.run(args="--config\nci/images.toml\n", fail_over="0")
    assert (code, commands(log)) == (0, [])
    assert "same images, tokens and cost" in log


def test_new_paths_are_compared_with_nothing(pull_request: Job) -> None:
    """Paths that the base lacks: all their images are new, also against a base without any file."""
    job = pull_request
    job.run(paths="new1.png")
    assert "**+1 image, +315 tokens, +\\$0.000945 per run** compared with base-" in job.summary.read_text(
        "utf-8"
    )
    job.is_pull_request(
        job.git("commit-tree", "-m", "nothing", job.git("hash-object", "-w", "-t", "tree", "/dev/null"))
    )
    code, log = job.run(paths="new1.png\n", fail_over="500%")
    assert code == 1
    assert "+315 tokens: more than the allowed 500%" in log


def test_base_is_what_the_merge_was_made_of(pull_request: Job) -> None:
    """The event may name an older base: images that came since then are not those of the pull request."""
    job = pull_request
    old, head = (job.github["event"]["pull_request"][end]["sha"] for end in ("base", "head"))
    job.git("checkout", "--quiet", "-b", "moved", old)
    (job.checkout / "elsewhere.png").write_bytes(image_bytes((700, 700)))
    moved = job.commit()
    job.git("merge", "--quiet", "--message", "merged", head)
    bare = job.checkout.parent / "origin.git"
    git(job.checkout, "clone", "--quiet", "--bare", ".", str(bare))
    git(bare, "config", "uploadpack.allowAnySHA1InWant", "true")
    (job.checkout.parent / "shallow").mkdir()
    shallow = Job(job.checkout.parent / "shallow")
    git(shallow.checkout, "clone", "--quiet", "--depth=1", bare.as_uri(), ".")
    shallow.github = job.github
    log = shallow.step("Base")
    assert (log.stdout, log.stderr, set(shallow.outputs)) == ("", "", {"report"})
    assert shallow.outputs["report"].endswith(f"base-{moved[:7]}.json")


def test_folder_of_a_monorepo(job: Job) -> None:
    """A working directory with a configuration: it is compared with its folder at the base."""
    folder = job.checkout / "services" / "my web"
    folder.mkdir(parents=True)
    (folder / "imgbudget.yaml").write_text("model: claude-opus-4-8\n")
    (folder / "a.png").write_bytes(image_bytes())
    base = job.commit()
    (folder / "b.png").write_bytes(image_bytes((150, 420)))
    job.commit()
    job.is_pull_request(base)
    code, log = job.run(working_directory="services/my web", comment="true", paths=f"{folder}\n")
    assert (code, commands(log)) == (1, [])
    assert "::warning file=services/my web/b.png,title=IB301" in log, "files are named from the root"
    assert '"services/my%20web/b.png"' in Path(job.done["check"]["sarif"]).read_text("utf-8")
    assert [one["path"] for one in job.report["comparison"]["files"]] == ["b.png"]
    title = " in services/my_web"
    mark = f"<!-- imgbudget: what this pull request changes{title} -->\n## imgbudget{title}\n"
    assert job.home("body").read_text().startswith(mark)


def test_checkout_of_a_runner_that_is_used_again(pull_request: Job) -> None:
    """A worktree that a cancelled job has left is no obstacle; files of LFS stay pointers on both sides."""
    job = pull_request
    job.git("worktree", "add", "--quiet", str(job.temp / "imgbudget-base"), "HEAD")
    shutil.rmtree(job.temp / "imgbudget-base")
    job.git("config", "filter.lfs.smudge", 'test "$GIT_LFS_SKIP_SMUDGE" = 1 && cat')
    job.git("config", "filter.lfs.required", "true")
    (job.checkout / ".git" / "info" / "attributes").write_text("*.png filter=lfs\n")
    done = job.step("Base")
    assert (done.stdout + done.stderr, set(job.outputs)) == ("", {"report"})
    assert job.git("worktree", "list").count("\n") == 0
    (job.checkout / ".git" / "lfs" / "objects").mkdir(parents=True)
    job.step("Base")
    assert "cannot be checked out (" in job.outputs["why"], "as the head has them, which is by the filter"


def test_checkout_in_a_folder(job: Job) -> None:
    """Where the folder is no checkout, the message says which input names it."""
    job.github |= {"event_name": "merge_group", "event": {"merge_group": {"base_sha": "1" * 40}}}
    job.step("Base")
    assert "the working-directory cannot be used as a checkout of git (fatal: not a" in job.outputs["why"]
    assert job.outputs["why"].endswith("; it is to be the folder of the checkout, or one in it")


def test_checkout_of_another_user(pull_request: Job) -> None:
    """In a container the checkout may be another user's, which git refuses unless it is named."""
    pull_request.environment["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "1"
    pull_request.step("Base")
    assert set(pull_request.outputs) == {"report"}


def test_fetch_sends_one_token(pull_request: Job) -> None:
    """A checkout that has kept its credentials, as they do by default, is fetched with one header."""
    seen: list[list[str] | None] = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get_all("Authorization"))
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    job = pull_request
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        job.git("remote", "add", "origin", f"{address}/o/r")
        job.git("config", f"http.{address}/.extraheader", "AUTHORIZATION: basic kept")
        job.github["server_url"] = address
        job.is_pull_request("1" * 40)
        job.step("Base")
        server.shutdown()
    assert seen == [["Basic eC1hY2Nlc3MtdG9rZW46dGhlLXRva2Vu"]]
    assert "cannot be fetched (fatal: repository" in job.outputs["why"]


def test_comment_has_room(job: Job) -> None:
    """A comment has at most 65,536 characters: it ends with a whole line, and with what it opened closed."""
    job.is_pull_request(job.commit())
    folder = job.temp / "imgbudget-report"
    folder.mkdir()
    lines = ["## imgbudget", "", "<details><summary>2000 findings new</summary>", ""]
    lines += [f"- {number}: {'ä' * 40}" for number in range(2000)]
    (folder / "imgbudget.md").write_text("\n".join(lines), "utf-8")
    job.done["check"] = {"json": "report"}
    assert job.step("Comment", comment="true").returncode == 0
    comment = job.home("body").read_text("utf-8")
    assert 55_000 < len(comment.encode()) < 60_200
    assert re.search(r"ä{40}\n\n</details>\n\nThe rest is in the summary of the job: .*\n$", comment)
