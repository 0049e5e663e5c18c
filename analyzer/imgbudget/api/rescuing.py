"""The public function `rescue`, and what the command of that name shares with it."""

from typing import Any, Literal, NamedTuple, TypeAlias, Unpack

from imgbudget.api.reports import Json, TableReport, records_in
from imgbudget.api.settings import ModelSettings, run_options
from imgbudget.discovery.walk import StrPath, one_path
from imgbudget.errors import UsageError
from imgbudget.linter.arguments import names_arguments, require_count
from imgbudget.linter.options import RunOptions, require_switch
from imgbudget.output.base import count
from imgbudget.output.fixes import file_record
from imgbudget.rescuing.mend import MendOptions, NoSessionError, UnknownSessionError
from imgbudget.rescuing.report import rescue_document
from imgbudget.rescuing.run import Rescue, RescueOptions, files_of, refuse_used
from imgbudget.rescuing.run import rescue as rescue_session

StateName: TypeAlias = Literal["clean", "mended", "pending", "broken"]


class RescueResult(NamedTuple):
    """What was found in a session and done; the names are those of `imgbudget rescue --format json`.

    `state` is `clean` if nothing is broken, `pending` if changes were not written, `broken` if it would still
    be refused after them. `errors` is what the API would refuse of the next turn, `remaining` what it still
    would after the `changes`. `backup` is the copy of the old bytes, `resume` the command that goes on.
    """

    path: str
    agent: str | None
    id: str | None
    state: StateName
    recorded: Json | None
    errors: tuple[Json, ...]
    changes: Json
    copies_removed: tuple[Json, ...]
    copies_kept: tuple[Json, ...]
    remaining: tuple[Json, ...]
    omit_images: int | None
    backup: str | None
    resume: str | None
    notes: tuple[str, ...]


class RescueReport(TableReport, tuple[RescueResult, ...]):  # noqa: SLOT001 - it has attributes
    """A result for each file of the session that sends something; `unread` says why others were not read."""

    unread: tuple[str, ...]
    document: Json

    def __repr__(self) -> str:
        return f"<RescueReport: {count(len(self), 'file')}, {', '.join(sorted({one.state for one in self}))}>"

    def to_dict(self) -> Json:
        """The document of `imgbudget rescue --format json`."""
        return self.document

    def records(self) -> list[Json]:
        """The list `sessions` of the document: a dictionary for each file."""
        return records_in(self.document, "sessions")

    def _columns(self) -> tuple[str, ...]:
        return "path", "agent", "id", "state", "omit_images", "backup", "resume"


@names_arguments
def rescue(
    session: StrPath,
    options: RunOptions | None = None,
    *,
    write: bool = False,
    omit_images: int | Literal["all"] = 0,
    everywhere: bool = False,
    **settings: Unpack[ModelSettings],
) -> RescueReport:
    """Mend a session of an agent that is refused because of an image, changing only what is refused.

    Without `write` nothing is changed, and the report says what would be. With it the old bytes are kept:
    `backup` of each result, which `imgbudget rescue --undo` gives back. `omit_images` replaces the oldest
    images by texts, `everywhere` takes copies of removed images out of the session too. No configuration is
    read.

    Raises:
        UsageError: no session, or one that cannot be read.
        WriteError: the session is in use, or cannot be written.
        ValueError: a negative number of images.
    """
    require_switch(write, "write")
    require_switch(everywhere, "everywhere")
    if omit_images != "all":
        require_count(omit_images, "omit_images")
    if omit_images != "all" and omit_images < 0:
        raise ValueError(f"omit_images is 0 or more, or 'all', not {omit_images}")
    asked = run_options(options, settings)
    mend = MendOptions(
        run=asked._replace(pixels=False, text=False),
        omit=-1 if omit_images == "all" else omit_images,
        everywhere=everywhere,
    )
    wanted = RescueOptions(mend=mend, agree=lambda _: write, describe=file_record, writes=write)
    found = rescued_files(one_path(session, "session"), wanted)
    document = rescue_document(found.done)
    report = RescueReport(map(_result, document["sessions"]))
    report.unread, report.document = tuple(found.unread), document
    return report


def _result(record: dict[str, Any]) -> RescueResult:
    tuples = {name: tuple(value) for name, value in record.items() if isinstance(value, list)}
    return RescueResult(**{**record, **tuples})


class RescuedFiles(NamedTuple):
    """The rescues of the files of a session; `unread` is why some could not be read, `note` what to know."""

    done: list[Rescue]
    unread: list[str]
    note: str | None = None


def rescued_files(path: str, options: RescueOptions) -> RescuedFiles:
    """The rescue of each file of a session that sends something.

    Raises:
        UsageError: none does, or a single file is no session.
        WriteError: one is in use, or cannot be written.
    """
    paths = files_of(path)
    if len(paths) == 1:
        return RescuedFiles([rescue_session(paths[0], options)], [])
    if options.writes:
        refuse_used(paths)
    done: list[Rescue] = []
    unread: list[str] = []
    for one in paths:
        try:
            done.append(rescue_session(one, options))
        except UnknownSessionError as error:
            unread.append(str(error))
        except NoSessionError:  # an event without a message
            continue
    if not done:
        raise UsageError(f"{path}: none of its {len(paths)} events sends anything")
    note = (
        f"{path}: {len(done)} of {len(paths)} events send something; limits on the conversation as a whole, "
        "as the number of its images, are not checked"
    )
    return RescuedFiles(done, unread, note)
