"""What counts as the label of an image: text that only names it."""

import re

_REQUESTS = """
    analyse analyze answer are can check classify compare convert could count create describe detect determine
    did do does estimate evaluate examine explain extract find fix generate give has have help how identify
    interpret is judge list look make measure name please provide rate read recognise recognize return review
    say see show solve spot study summarise summarize tell think transcribe translate use was were what what's
    when where which who whose why will would write
"""
_NAMES = """
    after angle appendix attachment back before bottom box camera caption card cell chart close cover crop
    current detail diagram doc document drawing end example exhibit expected fig figure file form frame front
    full graph input inside invoice item last left logo map mask middle new next number object old option
    original output outside page panel part photo photograph pic picture plan plate plot preview previous
    receipt reference region rendering result right sample scan scene scheme screen screencap screenshot
    section sheet shot side sign sketch slide snapshot source start step table target thumbnail tile top
    variant version view zoom image img id
    a an and in no of the total first second third fourth fifth one two three four five six seven eight nine
    ten
"""

MAX_LENGTH = 60
MAX_WORDS = 5
REQUESTS = frozenset(_REQUESTS.split())
"""Words that a request or question begins with."""
NAMES = frozenset(_NAMES.split())
"""Words of labels: names for an image, its position in a series, how it was taken."""

_PLAIN = str.maketrans("\uff1a\uff1f\u2019", ":?'")
_FILE_NAME = r"\S+\.\w{1,5}|(?i:.+\.(?:avif|bmp|gif|heic|jpe?g|pdf|png|svg|tiff?|webp))"
_TAGS = r"(?:</?[A-Za-z][^<>]*>\s*)+"
_TAGGED = r"<([A-Za-z][\w.-]*)[^<>]*>(.*)</\1>"
_WORD = r"[^\W\d_]+(?:['-][^\W\d_]+)*|\d+"
# patterns are compiled at their first use, half a millisecond each: most texts need only one


def is_label(text: str) -> bool:
    """Whether a text block only names the image beside it; blank text does too.

    One line of at most 60 characters that is a file name, a tag, a number or letter, or a line of words
    such as `Page 3 of 10`; or that ends with a colon, has at most five words and begins with none of
    `REQUESTS`. A name may be followed by a colon and a caption of at most five words.
    """
    text = text.strip()
    if not text:
        return True
    if len(text) > MAX_LENGTH or len(text.splitlines()) > 1:
        return False
    text = text.translate(_PLAIN)
    if text.startswith("<"):
        if re.fullmatch(_TAGS, text):
            return True
        if tagged := re.fullmatch(_TAGGED, text):
            return is_label(tagged[2])
    if _is_request(text):
        return False
    if _is_name(text):
        return True
    head, colon, caption = text.partition(":")
    if colon and _is_name(head) and not _is_request(caption):
        return len(re.findall(_WORD, caption)) <= MAX_WORDS
    return text.endswith(":") and len(re.findall(_WORD, text)) <= MAX_WORDS


def _is_request(text: str) -> bool:
    words = re.findall(_WORD, text.casefold())
    return "?" in text or (bool(words) and words[0] in REQUESTS)


def _is_name(text: str) -> bool:
    """Whether it is a file name, or each of its words is one of `NAMES`, a plural of one, or counts."""
    if "." in text and re.fullmatch(_FILE_NAME, text.strip("\"'`*[]():")):
        return True
    words = re.findall(_WORD, text.casefold())
    return all(word in NAMES or word.removesuffix("s") in NAMES or _is_ordinal(word) for word in words)


def _is_ordinal(word: str) -> bool:
    """Whether it is a number, a letter or a small Roman number."""
    return word.isdecimal() or (len(word) == 1 and "a" <= word <= "z") or not word.strip("ivx")
