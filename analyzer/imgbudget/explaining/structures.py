"""What errors about images say in any wording: expressions with the numbers in them, by the kind of error."""

import re
import textwrap
from typing import NamedTuple

from imgbudget.explaining.server_texts import (
    AGAIN,
    ENCODE,
    FEWER,
    OTHER_MODEL,
    PUBLIC_URL,
    SUPPORTED,
)
from imgbudget.explaining.wording import (
    BASE64,
    DECLARE,
    DIMENSION,
    FORMAT,
    IMAGE_BYTES,
    MANY_IMAGES,
    MEDIA_COUNT,
    MEDIA_TYPE,
    MISPLACED,
    NUMBER,
    PAYLOAD,
    PLACE,
    SHRINK_BODY,
    SMALLER,
    SOURCE,
    TEXT_ONLY,
    UNREADABLE,
    ErrorPattern,
    RuleName,
)


class Structure(NamedTuple):
    """A kind of error, and the expressions of which one is in its text on one line, in lower case."""

    pattern: ErrorPattern
    expressions: tuple[str, ...]


_WORDS = {
    "IMAGE": r"\b(?:images?|screenshots?|image_?urls?|input_image|inline_?data)",
    "ONE": r"\b(?:images?|picture|photo|screenshot|image_?url|input_image|inline_?data|base64|data ur[il])",
    "MANY": r"(?:images|screenshots|image (?:blocks|parts|inputs|attachments|urls|files))",
    "OVER": r"(?:exceed\w*|larger|greater|bigger|longer|higher|wider|taller|above|more than|up to|at most"
    r"|over|too (?:large|big|long|high|wide|tall|many)|max(?:imum|\.)?|limit\w*|must (?:not )?be|should be"
    r"|smaller|less than|below|under|>)",
    "FAIL": r"(?:<NOT>|fail\w*|error|invalid|corrupt\w*|damaged|truncated|broken|malformed|illegal"
    r"|unreadable)",
    "NOT": r"(?:not|isn.t|aren.t|doesn.t|don.t|cannot|can.t|couldn.t|unable|no)",
    "BAD": r"(?:invalid|corrupt\w*|malformed|illegal|broken|fail\w*|incorrect|wrong|bad|improper\w*|non-?"
    r"|truncated|not (?:a )?valid|cannot|can.t|could not|couldn.t|unable to)",
    "VISION": r"(?:vision (?:input|support|capab|model|request|mode|feature|is |are )|multi-?modal"
    r"|visual (?:input|content)|vision(?=\W*$|[.!]\s))",
    # of the names of vendors and classes, as OpenAIException, no part counts
    "DECODE": r"\b(?:(?:pre-?)?process|decod|load|read|pars|open(?!ai|router|code|llm)|identif|recogni[sz]"
    r"|interpret|understand|render)\w*",
    "BYTES limit": r"(?:(?P<limit><NUMBER>)\s*(?:bytes?|[kmg]i?b)\b)",
    "BYTES measured": r"(?:(?P<measured><NUMBER>)\s*(?:bytes?|[kmg]i?b)\b)",
    "PIXELS limit": r"(?:(?P<limit><NUMBER>)\s*(?:px|pixels?)\b)",
    "N": r"(?P<limit><NUMBER>|one|two)",
    "M": r"(?P<measured><NUMBER>)",
    "NUMBER": NUMBER,
    "PLACE": PLACE,
    "NEAR": r".{0,40}?",
    "FAR": r".{0,100}?",
}
"""What stands for the names in angle brackets; a name in it must be one of those after it."""


def _lines(text: str) -> tuple[str, ...]:
    """The expressions of a text, one a line; a line that is indented continues the one before."""
    joined = re.sub(r"\n +", "", textwrap.dedent(text).strip())
    for name, words in _WORDS.items():
        joined = joined.replace(f"<{name}>", words)
    return tuple(joined.splitlines())


def _kind(  # noqa: PLR0913 - the fields of a pattern
    name: str,
    rule: RuleName | None,
    meaning: str,
    remedy: str,
    *,
    status: int = 400,
    unit: str | None = None,
    also: tuple[str, ...] = (),
    source_type: str | None = None,
) -> ErrorPattern:
    return ErrorPattern(
        wording=name,
        rule=rule,
        meaning=meaning,
        remedy=remedy,
        source="known by its words; this wording is not in the list of texts",
        date="2026-11",
        status=status,
        unit=unit,
        also=also,
        source_type=source_type,
        loose=True,
        structural=True,
        era="not seen verbatim",
    )


_NO_VISION = _kind(
    "a model without vision",
    TEXT_ONLY,
    "an image goes to a model that takes none; images of earlier turns count too",
    OTHER_MODEL,
    also=("IB404",),
)

STRUCTURES: tuple[Structure, ...] = (
    Structure(
        _kind(
            "dimensions of many images",
            MANY_IMAGES,
            "the request has many images, for which a smaller edge is allowed than for a few",
            "resize every image over the limit, or send fewer images: drop those of earlier turns",
            unit="px",
        ),
        _lines(
            r"""
            many[- ]?images?<FAR>(?P<limit><NUMBER>)\s*(?:px|pixels?|x)
            (?P<limit><NUMBER>)\s*(?:px|pixels?)<FAR>many[- ]?images?
            """
        ),
    ),
    Structure(
        _kind(
            "an image at a place where none may be",
            MISPLACED,
            "an image is in a turn or at a place where the API takes none",
            "move the image into a user turn",
        ),
        _lines(
            r"""
            (?:invalid|wrong|unsupported|unexpected) role<NEAR><IMAGE>
            <IMAGE><FAR>(?:only|not|never)<NEAR>(?:in|with|for|within|inside|by) (?:the |an? )?
              (?:role |messages? with role )?[\"'`]?(?:user
              |assistant|system|developer|tool)\b
            (?:assistant|system|developer|tool)[\"'`]? (?:messages?|turns?|role|results?)<NEAR>(?:<NOT>
              |only)<NEAR><IMAGE>
            """
        ),
    ),
    Structure(
        _kind(
            "the number of images",
            MEDIA_COUNT,
            "the request has more images than are accepted, including those of earlier turns",
            FEWER,
            unit="images",
        ),
        _lines(
            r"""
            (?:more than|over) <N> (?:\w+ )?<IMAGE>\b<NEAR>(?:not|exceed|limit|allow|support)
            exceed\w* (?:the |your )?<IMAGE> (?:limit|count)
              (?:<NEAR>\b<N>\b(?!\s*(?:[kmg]i?b|bytes|px|pixels)))?
            \b<M> <MANY>\b ?[,;(] ?(?:max\w*|limit|at most|allowed|up to)<NEAR>
              \b<N>\b(?!\s*(?:[kmg]i?b|bytes|px|pixels))
            max(?:imum)? (?:number|count|amount) of <IMAGE><NEAR>(?:reached|exceeded|allowed|is|:)
              (?:\D{0,6}\b<N>\b)?
            too many (?:\w+ ){0,2}<IMAGE>\b<FAR>\b<M> ?(?:<IMAGE>)?<FAR>\b<N>(?!\s*(?:px
              |pixels))\b
            too many (?:\w+ ){0,2}<IMAGE>\b<FAR>\b<N>(?!\s*(?:px|pixels))\b
            too many (?:\w+ ){0,2}<IMAGE>\b
            \b<M> (?:\w+ )?<MANY>\b<NEAR>(?:exceed\w*|more than|over|above|but|>)<FAR>(?:max\w*|limit
              |allowed|at most|supports?|up to)<NEAR>\b<N>(?!\s*(?:[kmg]i?b|bytes|px|pixels))\b
            (?:at most|up to|no more than|only|max(?:imum)?(?: (?:number )?of)?|limit(?:ed)? (?:of|to
              |is)) <N> (?:\w+ )?<IMAGE>(?:\(s\))?(?!\s*(?:pixels|px|bytes|tokens))
            (?:exceed\w*|over|more than) (?:the |your )?(?:max\w*|limit|allowed)<NEAR><IMAGE>
              \b(?! ?(?:size|dimension|resolution|file|width|height|pixels|bytes|tokens
              |upload))(?:[^\d]{0,12}\b<N>\b)?
            (?:number|count|amount) of (?:\w+ )?<IMAGE><FAR>(?:exceed\w*|more than|greater|over|above
              |larger|at most)(?:<FAR>\b<N>\b)?
            <IMAGE> (?:count|number|limit)(?: of)?(?: <M>)?<NEAR>(?:exceed\w*|reached|more than
              |greater|over)(?:<FAR>\b<N>(?!\s*(?:[kmg]i?b|bytes|px|pixels))\b)?
            (?:max(?:imum)?|limit)<NEAR><IMAGE><NEAR>(?:exceeded|reached|is|of|:) ?<N>
              (?!\s*(?:[kmg]i?b|bytes|px|pixels))\b
            \bimages?=<N>\b<FAR>\b(?:passed|got|received|found) <M> <IMAGE>
            """
        ),
    ),
    Structure(
        _kind(
            "the bytes of the whole request",
            PAYLOAD,
            "the whole body is larger than the endpoint accepts",
            SHRINK_BODY,
            status=413,
            unit="bytes",
        ),
        _lines(
            r"""
            (?:request|payload|body|entity|upload|total)(?: (?:of|all|the|payload|body|entity|size
              |length|content|image|images)){0,5} (?:is |was |of )?(?:<BYTES measured> )?(?:exceeds?
              |exceeded|exceeding|too (?:large|big)|larger than|over|above|is limited)<FAR><BYTES limit>
            \b413\b<NEAR>(?:too (?:large|big)|exceed)
            (?:too (?:large|big)|exceed\w*)<NEAR>(?:request|payload|body|entity|content)<NEAR>\b413\b
            (?:intended to send too large body|body exceeded|maxbodylength|body size limit
              |request body (?:is )?too (?:large|big)|payload (?:is )?too (?:large|big)|(?<!\d{3}\s)(?<
              !\d{3}\srequest\s)entity too large)
            """
        ),
    ),
    Structure(
        _kind(
            "an image that is too small",
            None,
            "an image has fewer pixels, or a shorter edge, than the model takes",
            "enlarge the image, put it on a larger canvas, or leave it out",
            unit="px",
            also=("IB301",),
        ),
        _lines(
            r"""
            <ONE>(?: (?:size|dimensions?|width|height|resolution|or|and)){0,3}(?: is| are| was| were)?[ ]
              too (?:small|narrow|thin)\b(?:<FAR>(?:<PIXELS limit>|(?P<target>\d+ ?[x×] ?\d+)))?
            """
        ),
    ),
    Structure(
        _kind(
            "the pixels of an image",
            DIMENSION,
            "an edge, the number of pixels or the ratio of an image is outside of what is accepted",
            "resize the image, or cut a long strip into tiles; `imgbudget plan` gives the size",
            unit="px",
            also=("IB102",),
        ),
        _lines(
            r"""
            (?:invalid|bad|illegal|unsupported) <IMAGE> (?:dimensions?|size|resolution|width|height)\b
            <ONE><FAR>(?P<size>\d+ ?[x×] ?\d+)<FAR><OVER><FAR>(?:<PIXELS limit>|(?P<target>
              \d+ ?[x×] ?\d+))
            <ONE><FAR><OVER><FAR>(?:<PIXELS limit>|(?P<target>\d+ ?[x×] ?\d+))
            <ONE><FAR>(?:dimensions?|width|height|resolution|aspect ratio|pixels|long(?:er|est)? (?:edge
              |side))<FAR><OVER>(?:<FAR>(?P<limit><NUMBER>))?
            (?:dimensions?|width|height|resolution|aspect ratio|pixels)<NEAR>(?:of|in|for)[ ]
              (?:the |an? |this |your )?
              <ONE><FAR><OVER>(?:<FAR>(?P<limit><NUMBER>))?
            decompression bomb
            absolute aspect ratio must be (?:smaller|less) than (?P<limit><NUMBER>)(?:, got <M>)?
            <ONE><NEAR>(?:smaller than|at least)<FAR>(?:<PIXELS limit>|(?P<target>
              \d+ ?[x×] ?\d+))
            """
        ),
    ),
    Structure(
        _kind(
            "the bytes of an image",
            IMAGE_BYTES,
            "one image has more bytes than is accepted; base64 adds a third to the file",
            SMALLER,
            unit="bytes",
        ),
        _lines(
            r"""
            max\w* <ONE> (?:file )?size<NEAR><BYTES limit>(?:<NEAR>(?:got|received|was|is)<NEAR>
              <BYTES measured>)?
            <ONE><FAR>too (?:large|big)<NEAR><BYTES measured><NEAR>(?:max\w*|limit|allowed|>)
              <NEAR><BYTES limit>
            <ONE><FAR><BYTES measured><NEAR>(?:exceed\w*|larger|greater|over|above|more than|>)<FAR>
              <BYTES limit>
            <ONE><FAR><OVER><FAR><BYTES limit><NEAR>(?:got|received|was|is|has|actual)<NEAR>
              <BYTES measured>
            <ONE><FAR><OVER><FAR><BYTES limit>
            <BYTES measured><NEAR><ONE><NEAR>(?:exceed\w*|too (?:large|big)|larger)
            <BYTES limit><FAR>(?:limit|max\w*|allowed)<FAR><ONE>
            <ONE> (?:file |data |size |is |was |file size |payload ){0,3}(?:too (?:large|big|long)
              |exceeds? (?:the |its )?(?:size|byte|file|maximum|max|upload|allowed)(?:.size)?)(?!<NEAR>
              (?:dimension|pixel|width|height|resolution))
            image_?url<FAR>string too long<FAR>maximum length (?P<limit><NUMBER>)(?:<FAR>length <M>)?
            """
        ),
    ),
    Structure(
        _kind(
            "a type that is not that of the bytes",
            MEDIA_TYPE,
            "the declared type of an image is not that of its bytes, or is none that is accepted",
            DECLARE,
            also=("IB104",),
        ),
        _lines(
            r"""
            image/[\w.+-]+<NEAR>\b(?:but|got|found|received|was)\b<NEAR>image/[\w.+-]+
            (?:media|mime|content)[ _-]?type<FAR>(?:mismatch|(?:does|did) ?n[o']t match|not match
              |differs?|but (?:got|found|the))<FAR>(?:image|png|jpe?g|gif|webp)
            <IMAGE><FAR>(?:mismatch|(?:does|did) ?n[o']t match|not match)<FAR>(?:media|mime|content
              |declared|format|type)
            (?:declared|specified|provided|given) as image/<FAR>(?:but|actual)
            <IMAGE> (?:media|mime|content)[ _-]?type (?:is |was )?(?:required|missing|empty|not (?:set|given))
            """
        ),
    ),
    Structure(
        _kind(
            "the format of an image",
            FORMAT,
            "the image is in a format that is not accepted, or its declared type is none that is",
            SUPPORTED,
            also=("IB105", "IB001"),
        ),
        _lines(
            r"""
            <IMAGE>[:,]? (?:unknown|unsupported|unrecogni[sz]ed|invalid) (?:\w+ )?(?:format|type|codec)
            (?:<NOT>|fail\w*)<NEAR>(?:determin|detect|recogni[sz]|identif|guess)\w*[ ]
              (?:the )?<IMAGE> (?:format|type)
            (?:unsupported|unknown|unrecogni[sz]ed|unexpected|invalid|illegal|bad
              |disallowed) (?:\w+ )?image (?:file )?(?:format|type|mime|media|encoding|extension|codec
              |content type)
            (?:unsupported|unknown|unrecogni[sz]ed|invalid|illegal|disallowed) (?:media|mime|content
              |file)?[ _-]?(?:types?|formats?)[^a-z]{0,6}(?:for )?(?:image/|png|jpe?g|gif|webp|bmp|tiff?
              |heic|heif|svg|avif)
            <IMAGE> (?:file )?(?:format|type|mime[ -]?type|media[ _]type|content type|encoding)<FAR>(?:
              <NOT>|unsupported|invalid|illegal|unknown|only)\b<NEAR>(?:support|allow|accept|valid
              |recogni|permit|known|handle)?
            image/[\w.+-]+[\"'`]?\)? (?:<NOT>|is|are|was)<NEAR>(?:support|allow|accept|permit|valid)
            (?:only|supported|allowed|accepted|must be|expected|one of)<FAR>(?:jpe?g|png|gif
              |webp)\b.{0,60}?\b(?:jpe?g|png|gif|webp)\b
            unsupported image\b(?! ?_?(?:ur[il]|source|link|input|content|block|part))
            (?:invalid|unsupported|unknown) (?:mime|media|content)[ _-]?type\b.{0,40}?image\b(?!_)
            cannot identify image file
            """
        ),
    ),
    Structure(
        _kind(
            "the base64 text of an image",
            BASE64,
            "the data of an image is not the base64 text that is expected: a prefix, a line "
            "break, another alphabet, padding",
            ENCODE,
            also=("IB001",),
        ),
        _lines(
            r"""
            <IMAGE><NEAR>zero (?:bytes|length)
            <BAD><NEAR>base64
            base64<FAR>(?:<BAD>|padding)
            (?:empty|missing|zero[- ]length|0[- ]byte|no) (?:\w+ )?<ONE>(?: data| content| bytes| file
              | payload)?
            <ONE>(?: data| content| bytes| file| payload| block| source)?<NEAR>(?:empty|zero[- ]length
              |0 bytes|missing)\b
            incorrect padding
            """
        ),
    ),
    Structure(
        _kind(
            "the download of an image",
            None,
            "the image at a url could not be downloaded; this cannot be checked before sending",
            PUBLIC_URL,
            source_type="url",
            also=("IB409",),
        ),
        _lines(
            r"""
            <IMAGE> (?:fetch|download|retrieval)\w*<NEAR>(?:<FAIL>|time[ -]?out|timed out)
            (?:<FAIL>|time[ -]?out|timed out)<NEAR>(?:download|fetch|retriev|access|get|resolv)\w*<FAR>
              (?:<IMAGE>|url|https?:)
            (?:<IMAGE>|url)<FAR>(?:<FAIL>|time[ -]?out|timed out)<NEAR>(?:download|fetch|retriev|access
              |reach|resolv)
            """
        ),
    ),
    Structure(
        _kind(
            "the source of an image",
            SOURCE,
            "an image is given in a way that is not accepted: a url where base64 is wanted, or the reverse",
            "send the image as the message asks: base64, a data URL or an https url",
            also=("IB409", "IB106"),
        ),
        _lines(
            r"""
            (?:remote|external|linked|hosted) <IMAGE><NEAR><NOT>
            <IMAGE><FAR>(?:only|must be|must start|should be|expected|require\w*)<FAR>(?:base64
              |data ur[il]|data:|https?|urls?)\b
            (?:only|expected|require\w*|must be)<NEAR>(?:base64|data ur[il]s?|https?)\b<FAR><IMAGE>
            (?:remote |external |http )?(?:<IMAGE> )?(?:urls?|s3\w*|file_?ids?
              |links?)(?: \w+){0,2} (?:for <IMAGE> )?<NOT> (?:\w+ )?(?:support|allow|accept|permit)\w*
              <NEAR>(?:<IMAGE>)?
            (?:<NOT>|invalid|unsupported|malformed|bad) (?:\w+ ){0,2}<IMAGE>[ _]?(?:url|uri|source|link
              |reference)
            """
        ),
    ),
    Structure(
        _NO_VISION,
        _lines(
            r"""
            \bmodels?\b<NEAR><NOT> (?:process|read|see|view|handle|understand|interpret|accept)\w*[ ]
              (?:\w+ )?<IMAGE>
            [\"'`]?(?:image_url|input_image|image)[\"'`]? content (?:type|part|block)s? (?:is |are )?<NOT>
            content (?:type|part|block) [\"'`]?(?:image_url|input_image|image)[\"'`]? (?:is |are )?<NOT>
            <IMAGE> (?:content |inputs? |data |parts? |blocks? )?(?:is|are) not supported
              [ ](?:for|by|with|in|on) (?:[\w.-]+ ){0,3}models?
            """
        ),
    ),
    Structure(
        _kind(
            "an image that cannot be decoded",
            UNREADABLE,
            "the bytes of an image cannot be decoded: truncated, damaged, or not an image",
            AGAIN,
            also=("IB104", "IB106"),
        ),
        _lines(
            r"""
            (?:<FAIL>|could not|unable to)\b<NEAR><DECODE><NEAR><IMAGE>
            <IMAGE><NEAR>(?:<FAIL>)\b<NEAR><DECODE>
            <IMAGE> (?:data |file |files |input |content |bytes |payload |\S+ ){0,2}
              (?:is |are |was |were |seems |appears |to be |may be |be )*(?:invalid
              |corrupt\w*|damaged|truncated|malformed|broken|unreadable|unprocessable
              |not (?:an? )?valid)
            (?:invalid|corrupt\w*|damaged|truncated|malformed|broken|unreadable|not an?(?: valid)?) <IMAGE>
              \b
            broken data stream when reading image
            \b(?:png|jpe?g|gif|webp): invalid format|invalid (?:png|jpe?g|gif|webp) format:
            """
        ),
    ),
    Structure(
        _NO_VISION,
        _lines(
            r"""
            <NOT> (?:\w+ )?(?:support|accept|handle|process|take|have|allow|enable|understand)\w*<NEAR>
              (?:<IMAGE>|<VISION>)
            (?:<IMAGE>|vision|multi-?modal)(?: (?!of)\w+){0,3} (?:is|are|was|were|has
              |have)(?: currently)? <NOT>(?: \w+)? ?(?:support|enabl|avail|allow|permit|accept)\w*
            missing<NEAR>(?:for|required)<NEAR>(?:image|vision) input
            not an? (?:multi-?modal|vision)(?: \w+)? model
            only (?:supported|allowed|available|valid) (?:for|by|with|in|on) (?:multi-?modal
              |vision)(?: \w+)? models?
            <NOT> (?:compiled|built|loaded|started|configured) (?:for|with) (?:multi-?modal|vision)
            (?:text[- ]only|non[- ]?(?:vision|multi-?modal)) model
            (?:vision|multi-?modal|<IMAGE>)(?: \w+)? (?:capabilit\w+|support|input|processing)
              [ ](?:is |are )?(?:disabled
              |missing|unavailable|not)
            (?:unsupported|unknown|unexpected|invalid|disallowed)(?: \w+){0,3}[:=]? ?[\"'`(]?<IMAGE>\b
            <IMAGE>[\"'`]?<NEAR>functionality not supported
            (?:only )?supports? (?:only )?text(?: \w+)?(?: only)?\b<FAR><IMAGE>
            <IMAGE><FAR>(?:only supported by|no endpoints?|no provider)
            no (?:endpoints?|providers?|models?)<FAR>(?:support|accept|handl)\w*<NEAR><IMAGE>
            """
        ),
    ),
    Structure(
        _kind(
            "the image at a place",
            None,
            "the API refuses the image at this place of the request",
            "correct the image at this place; `imgbudget check` on the request may report what is wrong",
            also=("IB001", "IB103", "IB104", "IB105", "IB106", "IB403"),
        ),
        _lines(
            r"""
            (?P<place><PLACE>(?:image|inline_?data)[\w.\[\]]{0,80})[\"'`]?\s?[:,]
            """
        ),
    ),
)
"""Every kind, the more specific ones first: the first that fits a text is taken."""
