"""The content hash of an image: whole where it is small, by samples where reading it whole would cost most.

Two images have the same hash when their lengths are the same and the bytes that were hashed: all of them up
to 64 KiB, else four blocks of 16 KiB spread from the first byte to the last. Compressed pictures that
differ at all differ there.
"""

import hashlib

from imgbudget.probes.reader import Read

WHOLE = 1 << 16
"""Most bytes that are hashed as a whole."""

_BLOCK = 1 << 14
_BLOCKS = 4


def digest_of(size: int, read: Read, whole: bytes | None = None) -> bytes:
    """The first 16 bytes of the SHA-256 over length and content; `whole` is the content where it is in hand.

    Raises:
        OSError: as the reader raises it.
    """
    found = hashlib.sha256(size.to_bytes(8, "big"))
    if size <= WHOLE:
        found.update(read(size, 0) if whole is None else whole)
    else:
        step = (size - _BLOCK) // (_BLOCKS - 1)
        for i in range(_BLOCKS):
            at = i * step if i < _BLOCKS - 1 else size - _BLOCK
            found.update(read(_BLOCK, at) if whole is None else whole[at : at + _BLOCK])
    return found.digest()[:16]
