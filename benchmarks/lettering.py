"""Text of free fonts for the benchmarks on legibility: which fonts, which words, on which ground.

Nothing is downloaded. Fonts come from packages of Debian; `missing_fonts` says which ones to install.
"""

from functools import cache
from random import Random
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SMALL_PRINT = (
    "invoice", "total", "due", "account", "balance", "paid", "amount", "order", "number", "subject",
    "quarter", "payment", "shipping", "terms", "delivery", "refund", "policy", "after", "before", "within",
    "days", "export", "report", "query", "status", "pending", "monthly", "yearly", "region", "budget",
    "margin", "profit", "growth", "deposit", "receipt", "warranty", "support", "page", "journal", "copying",
    "Typing", "Budget", "Payment", "August", "February", "Germany", "Equity", "Quarterly", "Liability",
    "Supply", "Hong", "Kong", "Singapore", "Madrid",
)  # fmt: skip
"""Words of forms and tables; most have letters that reach up or down."""

HAN_PHRASES = (
    "合计金额", "发票号码", "购买数量", "付款方式", "订单日期", "客户名称", "联系电话",
    "收货地址", "产品编号", "单位价格", "税率说明", "银行账户", "经办人员", "审核意见",
    "合同期限", "服务条款", "质量保证", "退货政策", "有效日期", "仓库地点", "运输费用",
    "年度预算", "季度报告", "增长比例", "营业收入", "净利润率", "固定资产", "流动负债",
    "员工人数", "部门经理",
)  # fmt: skip
"""Phrases of forms in simplified Chinese."""

CYRILLIC_WORDS = (
    "счёт", "сумма", "оплата", "договор", "номер", "дата", "товар", "цена", "адрес", "услуги", "период",
    "остаток",
)  # fmt: skip
"""Words of forms in Russian, whose letters the recogniser does not know."""


class Face(NamedTuple):
    """A font: the name for people, its file, the package of Debian with it, and what it writes."""

    name: str
    file: str
    package: str
    script: str
    number: int = 0


FACES = (
    Face("DejaVu Sans", "DejaVuSans.ttf", "fonts-dejavu-core", "Latin"),
    Face("DejaVu Sans Mono", "DejaVuSansMono.ttf", "fonts-dejavu-core", "Latin"),
    Face("Liberation Sans", "LiberationSans-Regular.ttf", "fonts-liberation", "Latin"),
    Face("Liberation Serif", "LiberationSerif-Regular.ttf", "fonts-liberation", "Latin"),
    Face("Noto Sans CJK", "NotoSansCJK-Regular.ttc", "fonts-noto-cjk", "Chinese", 2),
    Face("Noto Serif CJK", "NotoSerifCJK-Regular.ttc", "fonts-noto-cjk", "Chinese", 2),
)
"""Four fonts of Latin letters, with and without serifs and of one width, and two of Chinese characters; the
third font of a CJK collection is the one for simplified Chinese."""

LATIN = tuple(face for face in FACES if face.script == "Latin")


@cache
def font_of(face: Face, size: int) -> ImageFont.FreeTypeFont:
    """The font at a size in px. Raises OSError if it is not installed."""
    return ImageFont.truetype(face.file, size, index=face.number)


def missing_fonts() -> list[str]:
    """The packages of the fonts that are not installed."""
    packages: dict[str, None] = {}
    for face in FACES:
        try:
            font_of(face, 10)
        except OSError:
            packages[face.package] = None
    return list(packages)


def require_fonts() -> None:
    """Say which fonts are missing, and how to install them. Raises SystemExit."""
    if packages := missing_fonts():
        raise SystemExit(f"fonts are missing: apt-get install {' '.join(packages)}")


def words(random: Random, script: str, characters: int) -> str:
    """Random words and numbers of a script, about so many characters."""
    if script == "Chinese":
        found = ""
        while len(found) < characters:
            found += random.choice(HAN_PHRASES)
        return found[:characters]
    known = CYRILLIC_WORDS if script == "Cyrillic" else SMALL_PRINT
    parts: list[str] = []
    while len(" ".join(parts)) < characters:
        number = f"{random.randint(0, 9_999):,}.{random.randint(0, 99):02d}"
        is_number = script == "Latin" and random.random() < _NUMBERS
        parts.append(number if is_number else random.choice(known))
    return " ".join(parts)


_NUMBERS = 0.25
"""The share of numbers among the words."""


def photo_ground(size: tuple[int, int], level: int, seed: int) -> Image.Image:
    """A ground like that of a photograph out of focus: its spectrum falls with the frequency, as theirs do.

    `level` is its mean brightness. No photograph is part of this repository.
    """
    width, height = size
    made = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(made.standard_normal((height, width)))
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    frequency = np.hypot(down, across)
    frequency[0, 0] = 1.0
    texture = np.fft.irfft2(spectrum / frequency, s=(height, width))
    texture -= texture.mean()
    texture *= _TEXTURE / max(float(texture.std()), 1e-9)
    return Image.fromarray(np.clip(texture + level, 0, 255).astype(np.uint8)).convert("RGB")


_TEXTURE = 14.0
"""The standard deviation of the ground of a photograph, of 255."""


class Lettering(NamedTuple):
    """A line that is drawn: its text, the box of its letters, and the size of its font, px."""

    text: str
    box: tuple[int, int, int, int]
    size: int = 0


def draw_line(  # noqa: PLR0913, PLR0917 - where, what and how
    image: Image.Image,
    place: tuple[int, int],
    text: str,
    face: Face,
    size: int,
    ink: int | tuple[int, int, int],
) -> Lettering:
    """Draw a line; `size` is that of the font in px, `ink` a level of grey or a colour."""
    draw, font = ImageDraw.Draw(image), font_of(face, size)
    colour = (ink, ink, ink) if isinstance(ink, int) else ink
    draw.text(place, text, fill=colour, font=font)
    left, top, right, bottom = draw.textbbox(place, text, font=font)
    return Lettering(text, (int(left), int(top), int(right), int(bottom)), size)


def widths(face: Face, text: str, size: int) -> int:
    """The width of a text in px."""
    return int(font_of(face, size).getlength(text)) + 1
