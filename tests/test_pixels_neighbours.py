"""Near duplicates among many hashes: complete, without chains, the same in any order, not quadratic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imgbudget.pixels import neighbours
from imgbudget.pixels.neighbours import MOST_DISTANCE, groups, matches, representatives

Hashes = NDArray[np.uint64]


def clustered(seed: int, number: int, bits: int, flips: int) -> Hashes:
    """Hashes of which only `bits` vary, each near some other by random changes, a tenth of them zero."""
    random = np.random.default_rng(seed)
    centres = random.integers(0, 1 << bits, max(number // 4, 1), dtype=np.uint64)
    values = random.choice(centres, number)
    for _ in range(flips):
        values ^= np.uint64(1) << random.integers(0, bits, number).astype(np.uint64)
    values[: number // 10] = 0
    random.shuffle(values)
    return values


def distances(one: Hashes, two: Hashes) -> NDArray[np.uint8]:
    """All distances between two sets."""
    found: NDArray[np.uint8] = np.bitwise_count(one[:, None] ^ two[None, :])
    return found


@pytest.fixture(autouse=True)
def _divides_small_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Divide sets that are so small that they would be compared at once, and divide their parts again."""
    monkeypatch.setattr(neighbours, "_WIDTH", 64)
    monkeypatch.setattr(neighbours, "_DIVIDED", 512)


hash_sets = st.builds(
    clustered,
    st.integers(0, 2**32),
    st.integers(1, 100),
    st.sampled_from((12, 24, 40, 63)),
    st.integers(0, 5),
)


@settings(max_examples=15, deadline=None)
@given(hash_sets, st.integers(0, MOST_DISTANCE))
def test_representatives_are_far_apart_and_near_their_members(values: Hashes, distance: int) -> None:
    """No two representatives are within the distance, and each hash is within it of its representative."""
    leaders = representatives(values, distance)
    assert (np.bitwise_count(values ^ leaders) <= distance).all()
    apart = distances(np.unique(leaders), np.unique(leaders))
    np.fill_diagonal(apart, 64)
    assert (apart > distance).all()


@settings(max_examples=15, deadline=None)
@given(hash_sets, hash_sets, st.integers(0, MOST_DISTANCE))
def test_matches_are_those_of_a_comparison_of_all(queries: Hashes, base: Hashes, distance: int) -> None:
    """A query has a match if and only if a comparison with every hash finds one; equal ones first."""
    found, all_of_them = matches(queries, base, distance), distances(queries, base)
    assert ((found >= 0) == (all_of_them.min(axis=1) <= distance)).all()
    hit = found >= 0
    chosen = np.bitwise_count(queries[hit] ^ base[found[hit]])
    assert (chosen <= distance).all()
    assert ((chosen == 0) == (all_of_them[hit].min(axis=1) == 0)).all()


@settings(max_examples=10, deadline=None)
@given(hash_sets)
def test_groups_do_not_depend_on_the_order(values: Hashes) -> None:
    """The same hashes in another order give the same groups."""
    order = np.random.default_rng(len(values)).permutation(len(values))
    grouped = {frozenset((int(values[at]), at) for at in group.members) for group in groups(values, 6)}
    again = {
        frozenset((int(values[order[at]]), int(order[at])) for at in group.members)
        for group in groups(values[order], 6)
    }
    assert grouped == again


def test_a_chain_is_not_one_group() -> None:
    """Hashes of which each is near the next do not become one group: its ends have nothing in common."""
    chain = [(1 << length) - 1 for length in range(0, 65, 4)]
    found = groups(chain, 6)
    assert found
    for group in found:
        assert all((chain[at] ^ group.representative).bit_count() <= 6 for at in group.members)
    assert max(len(group.members) for group in found) <= 4


def test_copies_and_near_copies_are_one_group() -> None:
    """Equal hashes and one that is near form a group; the others are in none."""
    assert [group.members for group in groups([5, 1 << 63 | 5, 0xFFFF << 20, 5], 6)] == [(0, 1, 3)]
    assert groups([], 6) == []
    assert groups([7], 6) == []
    assert not len(matches(np.empty(0, np.uint64), np.array([1], np.uint64), 6))
    assert matches(np.array([1], np.uint64), np.empty(0, np.uint64), 6).tolist() == [-1]


@pytest.mark.parametrize("distance", [-1, MOST_DISTANCE + 1])
def test_a_distance_outside_the_range_is_refused(distance: int) -> None:
    """A distance at which unrelated images are near is an error, not a slow search."""
    with pytest.raises(ValueError, match="from 0 to 10"):
        representatives(np.array([1], np.uint64), distance)


@pytest.mark.parametrize("bits", [64, 40])
def test_work_grows_much_slower_than_the_square(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of hashes with few varying bits, and many that are zero, a small part of all pairs is compared."""
    monkeypatch.undo()
    number = 20_000
    values = np.random.default_rng(3).integers(0, (1 << bits) - 1, number, dtype=np.uint64)
    values[: number // 3] = 0
    compared = []
    run = neighbours._Search.run

    def counted(search: neighbours._Search) -> "NDArray[np.int64]":
        result = run(search)
        compared.append(search.compared)
        return result

    monkeypatch.setattr(neighbours._Search, "run", counted)
    assert max(len(group.members) for group in groups(values, 6)) >= number // 3
    assert sum(compared) < number * number / 30
