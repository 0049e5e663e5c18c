"""An image file as a client sends it: which facts of the file hold for what arrives, and which do not."""

from imgbudget.limits.clients import CLIENT_NAMES, CLIENTS, ClientProfile, Rotation
from imgbudget.limits.geometry import Size
from imgbudget.model.fixes import Fix, Recode, Resize
from imgbudget.model.location import Location
from imgbudget.model.subjects import ImageFacts, ImageUse, LeftOut, Origin
from imgbudget.namedtuples import NamedTuple

NAMES = CLIENT_NAMES
"""The clients that have a profile."""

_FIRST_SIDEWAYS = 5
"""The EXIF orientations from 5 to 8 swap width and height."""


class ClientImage(NamedTuple):
    """What a client makes of an image file.

    `use` is the image as it arrives; rules check it. If it is `encoded`, its bytes are not known: the facts
    then have 0 bytes and no base64 length, and no quality and metadata, so that rules on them find nothing.
    `changes` say in clauses what the client does; none if the file is sent byte for byte. `unknown` says why
    it is not known what the client does; the image is then checked as it is stored.
    """

    profile: ClientProfile
    use: ImageUse
    encoded: bool = False
    changes: tuple[str, ...] = ()
    unknown: str = ""

    def fix_of_file(self, fix: Fix | None, stored: ImageFacts | None) -> Fix | None:
        """The fix of the file that settles a finding on what arrives; None if there is none.

        All fixes do for a file that is sent byte for byte. Of one that the client encodes, a smaller size
        does if the client then sends the file as it is, and fewer bytes where it leaves the file out. A size
        of an image that arrives turned is that of the stored pixels.
        """
        if not self.encoded or fix is None or stored is None:
            return fix
        if isinstance(fix, Recode):
            return fix if fix.max_bytes is not None and self.use.left_out is not None else None
        if not isinstance(fix, Resize) or self.profile.size_of(fix.size) != fix.size:
            return None
        if self.profile.encodes_all or stored.format in self.profile.always_encoded:
            return None
        return Resize(fix.size.transposed) if is_swapped(stored, self.profile) else fix

    @property
    def upright_size(self) -> Size | None:
        """The size that arrives, as the API shows it to the model; None if it is not known."""
        facts, size = self.use.facts, self.use.visible_size
        is_lost = self.encoded and self.profile.rotation is Rotation.LOST
        if facts is None or size is None or is_lost or facts.orientation < _FIRST_SIDEWAYS:
            return size
        return size.transposed

    @property
    def summary(self) -> str:
        """What the client does in one clause; empty if it sends the file byte for byte."""
        facts, left_out, label = self.use.facts, self.use.left_out, self.profile.label
        clauses = []
        if self.unknown:
            clauses.append(f"what {label} makes of {self.unknown} is not known, so it is checked as stored")
        if self.encoded and facts is not None:
            what = " ".join(str(part) for part in (facts.format, facts.size) if part)
            clauses.append(f"{label} sends it as {what}, {', '.join(self.changes)}")
        if left_out is not None:
            clauses.append(f"{label} leaves it out without an error if the prompt names it with @")
        return "; ".join(clauses)


def client_named(name: str) -> ClientProfile | None:
    """The profile of a client; None if there is none of this name."""
    return next((client for client in CLIENTS if client.name == name), None)


def as_sent(use: ImageUse, profile: ClientProfile) -> ClientImage:
    """An image file as a client sends it, by its facts alone."""
    facts = use.facts
    if facts is None or facts.format is None or use.visible_size is None:
        return ClientImage(profile, use)
    left_out = None
    if profile.most_bytes is not None and facts.byte_size > profile.most_bytes:
        left_out = LeftOut(profile.label, facts.byte_size, profile.most_bytes)
    sent = use._replace(left_out=left_out)
    if facts.format not in profile.read or (profile.encodes_all and facts.animated):
        kind = f"animated {facts.format}" if facts.format in profile.read else facts.format
        return ClientImage(profile, sent, unknown=kind)
    encoded = encoded_facts(facts, profile)
    if encoded is not None:
        # the client declares the type that it has written
        sent = sent._replace(facts=encoded, declared=None, base64_size=None)
        return ClientImage(profile, sent, encoded=True, changes=tuple(_changes(facts, encoded, profile)))
    if profile.media_type == "bytes":
        sent = sent._replace(declared=None)
    elif profile.media_type == "extension" and use.declared is not None:
        sent = sent._replace(declared_by=profile.label)
    return ClientImage(profile, sent)


def size_as_sent(size: Size, profile: ClientProfile) -> ClientImage:
    """An image of that size as a client sends it, whatever its format is."""
    facts = ImageFacts(0, size=profile.size_of(size))
    use = ImageUse(location=Location(""), origin=Origin.PATH, facts=facts)
    changes = () if facts.size == size else (f"scaled from {size}",)
    return ClientImage(profile, use, encoded=bool(changes), changes=changes)


def encoded_facts(facts: ImageFacts, profile: ClientProfile) -> ImageFacts | None:
    """The facts of the image that a client encodes; None if it sends the bytes of the file.

    Those that are not known are absent: 0 bytes, no quality, no metadata. A position stays, as no client was
    seen to remove it; so does an orientation that the pixels are not turned by, with or without its tag.
    """
    size, form = facts.size, facts.format
    if size is None or form is None:
        return None
    if not profile.encodes_all and form not in profile.always_encoded and profile.size_of(size) == size:
        return None
    turned = profile.rotation is Rotation.TURNED
    upright = size.transposed if is_swapped(facts, profile) else size
    written = profile.format_of(form)
    return facts._replace(
        byte_size=0,
        format=written,
        size=profile.size_of(upright),
        orientation=1 if turned else facts.orientation,
        frames=facts.frames if written == form else 1,
        quality=None,
        metadata_bytes=None,
        unturnable=None,
    )


def is_swapped(stored: ImageFacts, profile: ClientProfile) -> bool:
    """Whether an image that the client encodes arrives with width and height swapped."""
    return profile.rotation is Rotation.TURNED and stored.orientation >= _FIRST_SIDEWAYS


def _changes(stored: ImageFacts, sent: ImageFacts, profile: ClientProfile) -> list[str]:
    """What a client changes in an image that it encodes, in clauses."""
    size, arrived = stored.size or Size(0, 0), sent.size or Size(0, 0)
    clauses = []
    if arrived.long_edge < size.long_edge:
        clauses.append(f"scaled from {size}")
    if sent.format != stored.format:
        clauses.append(f"converted from {stored.format}")
    if stored.orientation != 1:
        clauses.append(profile.rotation.value)
    return clauses or ["encoded again"]


def note_on(profile: ClientProfile) -> str:
    """What the user has to know of the results where a client changes images."""
    return (
        f"image files are checked as {profile.label} sends them (observed on {profile.date}): the bytes of "
        "images that it encodes are not known, so that limits and budgets of bytes are not checked there; "
        "images that it encodes have a fix only if it then sends them as they are"
    )
