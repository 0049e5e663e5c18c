"""The Ray engine: one task per partition, on a private local Ray or on a cluster given by its address.

Without an address a private Ray is started on loopback and stopped with the run. Ray always gets an address,
because otherwise it would join any running instance, or one that a leftover file names. Token authentication
is left to Ray: tokens are never read, printed or stored here. A cluster is never stopped.
"""

import os
import socket
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from imgbudget.auditing.executors import WORKER_CRASHED, failure_reason
from imgbudget.auditing.partition import Partition
from imgbudget.auditing.work import Done, Failed, Work
from imgbudget.errors import UsageError, os_error_text

RETRIES = 3
"""How often Ray retries a partition whose worker crashed: nodes come and go."""

_AHEAD = 4
"""Submitted partitions per processor of the cluster: enough to keep it busy, few enough for memory."""

_PATIENCE = 10.0
"""Seconds that a cluster has to answer."""

_PRIVATE = {
    # Ray's own switch for "no other machine": without it 127.0.0.1 becomes the address that the network sees
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""How a private Ray stays private; read when Ray is imported and by all that it starts."""


class RayExecutor:
    """Runs partitions as Ray tasks."""

    def __init__(self, jobs: int, address: str | None = None) -> None:
        """Connect.

        Raises:
            UsageError: Ray is not installed, or nothing answers at the address.
        """
        if address is None:
            os.environ.update(_PRIVATE)
        try:
            import ray  # noqa: PLC0415 - rare
        except ImportError:
            raise UsageError("--engine ray needs Ray: pip install 'imgbudget[ray]'") from None
        self._ray: Any = ray
        if address is None:
            ray.init(
                address="local",
                num_cpus=jobs,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=40,
            )
        else:
            _require_answer(address)
            try:
                ray.init(address=address, log_to_driver=False, logging_level=40)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise UsageError(f"--ray-address {address}: {str(error).partition(chr(10))[0]}") from None
        self._state: tuple[Work, Any] | None = None

    def run(
        self, work: Work, partitions: Iterable[Partition], *, careful: bool = False
    ) -> Iterator[Done | Failed]:
        """The result of each partition as soon as it is there."""
        ray = self._ray
        retries = 0 if careful else RETRIES
        task = _task(ray).options(num_cpus=1, max_retries=retries, scheduling_strategy="SPREAD")
        shared = self._shared(work)
        todo = iter(partitions)
        pending: dict[Any, Partition] = {}
        while True:
            room = self._room(careful=careful) - len(pending)
            for partition in islice(todo, max(room, 0)):
                pending[task.remote(shared, partition)] = partition
            if not pending:
                return
            # one by one, so that a new task is submitted before a worker has to wait for it
            for reference in ray.wait(list(pending), num_returns=1)[0]:
                yield self._outcome(reference, pending.pop(reference))

    def _room(self, *, careful: bool) -> int:
        """How many tasks may be submitted; computed each time, since clusters grow."""
        return 1 if careful else max(_AHEAD * int(self._ray.cluster_resources().get("CPU", 1)), 1)

    def _shared(self, work: Work) -> Any:
        """The work in the object store, stored only once."""
        if self._state is None or self._state[0] != work:
            self._state = work, self._ray.put(work)
        return self._state[1]

    def _outcome(self, reference: Any, partition: Partition) -> Done | Failed:
        try:
            answer: Done = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            return Failed(partition, failure_reason(error.cause))
        except self._ray.exceptions.RayError:
            return Failed(partition, WORKER_CRASHED)
        return answer

    def close(self) -> None:
        """Leave the cluster, or end the private Ray."""
        self._ray.shutdown()


def _require_answer(address: str) -> None:
    """Try to connect to HOST:PORT first: Ray itself would retry for many minutes.

    Raises:
        UsageError: nothing answers.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or "/" in host:
        return  # auto, or ray://
    try:
        with socket.create_connection((host, int(port)), timeout=_PATIENCE):
            return
    except OSError as error:
        raise UsageError(f"--ray-address {address}: nothing answers: {os_error_text(error)}") from None


def _task(ray: Any) -> Any:
    return ray.remote(_run)


def _run(work: Work, partition: Partition) -> Done:
    return work(partition)
