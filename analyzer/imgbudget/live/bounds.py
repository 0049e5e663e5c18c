"""What one call of the API may take: seconds in all, bytes of its answer, redirects."""

from time import monotonic

ANSWER_SECONDS = 600.0
"""Seconds for a call when --timeout is not given: the SDK's own timeout (2.14)."""
LONG_SECONDS = 3600.0
"""Seconds for a stream or a batch: the SDK expects an hour for the longest answer (2.14)."""
ANSWER_BYTES = 32 << 20
"""Bytes of an answer after decompression: the longest answer of a model (128,000 tokens) has about 1 MB."""
SMALL_BYTES = 4 << 20
"""Bytes of a count, a state of a batch, a file id, a page of models."""
MOST_REDIRECTS = 3


class CallBounds:
    """The bounds of the calls of a client, one after the other."""

    def __init__(self) -> None:
        self.billable: bool = False
        self.received: int
        self.start(ANSWER_SECONDS, ANSWER_BYTES)

    def start(self, seconds: float, most_bytes: int | None, *, billable: bool = False) -> None:
        """Begin a call; `most_bytes` None: whoever reads the answer counts it."""
        self.seconds = seconds
        self.most_bytes = most_bytes
        self.billable = billable
        self._end = monotonic() + seconds
        self.attempt()

    def attempt(self) -> None:
        """Begin another attempt of the call: the time goes on, the answer is a new one."""
        self.received = 0
        self.redirects = 0

    @property
    def left(self) -> float:
        """The seconds that are left, 0 or less after the end."""
        return self._end - monotonic()

    def accepts(self, size: int) -> bool:
        """Whether this many more bytes of the answer are within its bound."""
        self.received += size
        return self.most_bytes is None or self.received <= self.most_bytes
