"""Amounts with units, as written in budgets."""

import pytest

from imgbudget.config.units import parse_bytes, parse_cost, parse_factor, parse_tokens


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (4096, 4096),
        ("4096", 4096),
        ("4096 B", 4096),
        ("1 byte", 1),
        ("512 bytes", 512),
        ("20_000", 20_000),
        ("1_048_576 B", 1_048_576),
        ("1 kB", 1024),
        ("500KB", 512_000),
        ("512 KiB", 524_288),
        ("5 MB", 5_242_880),
        ("10 MB", 10_485_760),
        ("10 MiB", 10_485_760),
        ("1.5 MB", 1_572_864),
        ("2 gb", 2_147_483_648),
        (" 5 MB ", 5_242_880),
    ],
)
def test_bytes_are_read_in_powers_of_1024(written: str | int, expected: int) -> None:
    """MB is what the API's error texts call MB: 10 MB is 10,485,760 bytes (API error, 2026-06)."""
    assert parse_bytes(written) == expected


def test_parts_of_a_byte_are_dropped() -> None:
    """0.1 MB is 104,857.6 bytes: the budget is never rounded up."""
    assert parse_bytes("0.1 MB") == 104_857


@pytest.mark.parametrize(
    "written",
    [
        "",
        "MB",
        "5 TB",
        "5 MBit",
        "5M",
        "5.5",
        "1.5 B",
        "-5 MB",
        "010",
        "1,000",
        "1__000",
        "1_00",
        "5 MB x",
        "1e6",
        "\n",
    ],
)
def test_other_bytes_are_refused_with_the_spellings(written: str) -> None:
    """The message repeats the value and shows how bytes are written."""
    with pytest.raises(ValueError, match=r"is not a number of bytes; write 5 MB, 500 KB, 512 KiB, 4096 B"):
        parse_bytes(written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (1600, 1600),
        ("1600", 1600),
        ("1600 tokens", 1600),
        ("1 token", 1),
        ("20k", 20_000),
        ("20K tokens", 20_000),
        ("1.5M", 1_500_000),
        ("1.5k tokens", 1_500),
        ("1_600", 1_600),
    ],
)
def test_tokens_are_read_in_thousands(written: str | int, expected: int) -> None:
    """A k is 1,000 and an M 1,000,000: tokens are counted, not stored."""
    assert parse_tokens(written) == expected


@pytest.mark.parametrize(
    "written", ["", "k", "20 MB", "1.5", "1.5 tokens", "20m", "-1", "0x10", "1:30", "many", "$5"]
)
def test_other_tokens_are_refused_with_the_spellings(written: str) -> None:
    """Half a token, a unit of bytes and YAML's own number forms are no tokens."""
    with pytest.raises(ValueError, match=r"is not a number of tokens; write 1600, 1600 tokens, 20k or 1\.5M"):
        parse_tokens(written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("$0.05", 0.05),
        ("$ 5", 5.0),
        ("0.05 USD", 0.05),
        ("5", 5.0),
        (5, 5.0),
        (0.05, 0.05),
        (0.00001, 0.00001),
        ("$1_000", 1000.0),
    ],
)
def test_costs_are_us_dollars(written: str | float, expected: float) -> None:
    """With a dollar sign, with USD, or as a plain number."""
    assert parse_cost(written) == expected


@pytest.mark.parametrize(
    "written", ["", "$", "5 EUR", "5 cents", "$.05", "-1", "$1,000", "1e-3", "inf", float("nan")]
)
def test_other_costs_are_refused_with_the_spellings(written: str | float) -> None:
    """Another currency, a comma or an exponent is not guessed at."""
    with pytest.raises(ValueError, match=r"is not a cost; write \$0\.05, 0\.05 USD or a plain number"):
        parse_cost(written)


def test_a_budget_of_nothing_is_refused() -> None:
    """Zero would make each image a finding; whoever means that selects a rule instead."""
    for parse, written in (
        (parse_bytes, "0"),
        (parse_bytes, "0.0001 KB"),
        (parse_tokens, 0),
        (parse_cost, "$0.00"),
    ):
        with pytest.raises(ValueError, match=r"is not more than 0; write e\.g\."):
            parse(written)


def test_a_factor_is_positive_and_at_most_1000() -> None:
    """What is refused is answered with the numbers that are possible."""
    assert (parse_factor("0.5"), parse_factor(1000)) == (0.5, 1000.0)
    for written in (0, "1000.5", "half"):
        with pytest.raises(ValueError, match=r"write 0\.5, or another number above 0 up to 1000$"):
            parse_factor(written)


def test_a_long_or_strange_amount_is_cut_in_the_message() -> None:
    """A message stays on one line, whatever was written."""
    with pytest.raises(ValueError, match=r'^"x\\nx') as refusal:
        parse_bytes("x\nx" * 1000)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 200
