"""Remote stores: S3 by a server on loopback, shards streamed and headers read by range. Needs dev-audit."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from imgbudget.auditing.inputs.objects import RANGE
from tests.datasets import as_folder, as_parquet, as_tar, as_zip, facts_of, rows_of

pytest.importorskip("s3fs", reason="remote stores need the extra dev-audit")
server_module = pytest.importorskip("moto.server", reason="an S3 server needs the extra dev-audit")

REGION = "eu-central-1"  # where S3 wants a location constraint, unlike us-east-1
MAIN = "from imgbudget.cli import main; main()"


class Store(NamedTuple):
    """A bucket, and the requests that it received."""

    folder: Path
    requests: list[str]

    def audit(self, *arguments: str) -> tuple[Any, list[str]]:
        """The report of an audit in a separate process, and the requests that it made."""
        self.requests.clear()
        command = [
            sys.executable,
            "-c",
            MAIN,
            "audit",
            *arguments,
            "--isolated",
            "--format",
            "json",
            "-j",
            "1",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), list(self.requests)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A bucket with the images as objects and in archives."""
    import boto3  # noqa: PLC0415 - comes with moto

    folder = tmp_path_factory.mktemp("s3")
    as_folder(folder / "objects")
    for name in ("tar", "zip", "parquet"):
        (folder / name).mkdir()
    as_tar(folder / "tar" / "x.tar")
    as_zip(folder / "zip" / "x.zip")
    as_parquet(folder / "parquet" / "x.parquet")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    requests: list[str] = []
    inner = server._server.app

    def counted(environment: dict[str, Any], start: Any) -> Any:
        requests.append(environment["REQUEST_METHOD"])
        return inner(environment, start)

    server._server.app = counted
    known = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in known.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="pictures", CreateBucketConfiguration={"LocationConstraint": REGION})
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                client.upload_file(str(path), "pictures", str(path.relative_to(folder)))
        client.close()
        yield Store(folder, requests)
    server.stop()


@pytest.mark.parametrize("form", ["tar", "zip", "parquet", "objects"])
def test_numbers_are_those_of_the_same_files_here(store: Store, form: str) -> None:
    """Every form gives on S3 what it gives on disk."""
    here, _ = store.audit(str(store.folder / form))
    there, _ = store.audit(f"s3://pictures/{form}")
    for part in ("totals", "distributions", "costs", "tiers", "formats", "sizes"):
        assert there["statistics"][part] == here["statistics"][part]


def test_shard_is_streamed_and_not_sought(store: Store) -> None:
    """A list, two looks and a request for each 8 MB, however many members there are."""
    _, requests = store.audit("s3://pictures/tar/x.tar")
    assert len(requests) <= 5
    assert requests.count("GET") <= 3


def test_rows_are_the_same_in_this_process(store: Store) -> None:
    """Hashes too where an object is known whole; a larger one is read only where probes ask."""
    here = {row["member"]: facts_of(row) for row in rows_of(store.folder / "objects")}
    there = {row["member"]: facts_of(row) for row in rows_of("s3://pictures/objects")}
    for row in here.values():
        if row["bytes"] > RANGE:
            row.update(hash=None)
    assert there == here
    assert any(row["hash"] is None for row in there.values())


def test_prefix_with_nothing_is_a_usage_error(store: Store) -> None:
    """One clear line."""
    command = [sys.executable, "-c", MAIN, "audit", "s3://pictures/nothing", "--isolated"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert (done.returncode, done.stdout) == (2, "")
    assert "s3://pictures/nothing: nothing is there" in done.stderr
