"""The prompt of a request as a cache of prompts sees it, and the edit of what was cached."""

from imgbudget.model.location import Keys, Location
from imgbudget.namedtuples import NamedTuple


class PromptBlock(NamedTuple):
    """One block of a prompt: `keys` is its path in the body, `characters` those of its text.

    Blocks with equal hashes have the same content. `images` are the numbers of its images in the request.
    `answer`: the model wrote it.
    """

    hash: int
    characters: int
    keys: Keys
    images: tuple[int, ...] = ()
    answer: bool = False


class Prompt(NamedTuple):
    """The blocks of a request in the order of its prompt.

    The first `marked` of them are cached where the API caches what is marked, with `hour` for an hour.
    """

    blocks: tuple[PromptBlock, ...]
    marked: int
    hour: bool = False

    def without(self, added: Keys) -> "Prompt":
        """The prompt of a body without the keys that were added around a list to make a body."""
        start = len(added)
        blocks = [
            block._replace(keys=block.keys[start:] if block.keys[:start] == added else ())
            for block in self.blocks
        ]
        return self._replace(blocks=tuple(blocks))


class PrefixEdit(NamedTuple):
    """Where a request changes what an earlier one of the same conversation had cached.

    `location` is the first block that differs, `tokens` how many cached ones are written again because of it,
    `hour` whether for an hour. `earlier` is where the earlier request is, e.g. `line 3`.
    """

    location: Location
    tokens: int
    hour: bool
    earlier: str


class RecordedEdit(NamedTuple):
    """An edit between two requests that a session records as hashes of messages.

    `location` is the first message that differs, `characters` are those of the messages behind it that were
    sent before, and `images` the lengths of the base64 texts in them; `beginning` and `first_images` are the
    same of what stays. Answers of the model are not recorded. `hour` and `earlier` as in `PrefixEdit`.
    """

    location: Location
    characters: int
    images: tuple[int, ...]
    beginning: int
    first_images: tuple[int, ...]
    hour: bool
    earlier: str
