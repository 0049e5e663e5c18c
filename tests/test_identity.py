"""Files under several names: numbers of inodes that occur again are noticed, whatever they are."""

from hypothesis import example, given
from hypothesis import strategies as st

from imgbudget.discovery.identity import KnownFiles

NUMBERS = st.integers(0, 200) | st.integers(0, 1 << 64) | st.sampled_from((1 << 64, (1 << 128) - 1))


@given(st.lists(st.lists(NUMBERS, max_size=6), max_size=6))
@example([[1, 2], [1 << 64], [3, 2]])
@example([[63, 64], [127, 128], [63 + 64]])
def test_numbers_that_occur_again_are_returned(folders: list[list[int]]) -> None:
    """Those that are in an earlier folder, or twice in this one; the others are known from then on."""
    known, before = KnownFiles(lambda _first, _second: True), set[int]()
    for number, numbers in enumerate(folders):
        again = {one for one in numbers if one in before or numbers.count(one) > 1}
        assert known.add_folder(f"{number}/", numbers) == again
        before |= {one for one in numbers if numbers.count(one) == 1}
