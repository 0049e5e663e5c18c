"""Which blocks of a request a failure is about: the rule its text belongs to, and the findings on them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from imgbudget.explaining import locate
from imgbudget.explaining.locate import Candidate, Located
from imgbudget.explaining.match import Explanation, Match, explain
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.linter.documents import DocumentCheck
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.live.answers import Failure
from imgbudget.live.outgoing import Outgoing
from imgbudget.model.location import Location, Span
from imgbudget.model.results import FileResult
from imgbudget.model.subjects import Finding, Request
from imgbudget.output.explain import LocatedMatch


class Attribution(NamedTuple):
    """What a failure means and where; `located` has one entry per match."""

    explanation: Explanation
    located: tuple[LocatedMatch, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the rules that the matches belong to."""
        return tuple(match.pattern.rule.code for match in self.explanation.matches if match.pattern.rule)

    @property
    def locations(self) -> tuple[str, ...]:
        """The blocks in question, as the API writes their locations."""
        locations = (candidate.location for where in self.located for candidate, _, _ in where.locations)
        return tuple(dict.fromkeys(location.dotted for location in locations if location.dotted))


class RequestChecker:
    """Attributes failures to blocks of the sent request, which is checked once, at the first failure."""

    def __init__(self, sent: Outgoing, options: RunOptions) -> None:
        """Check with all rules, also those that the configuration deselects."""
        self._sent = sent
        self._options = options._replace(
            select=("ALL",), pedantic=True, use_ignores=False, use_baseline=False
        )
        self._result: FileResult | None = None

    def attribute(self, failure: Failure, request: Location | None = None) -> Attribution:
        """Explain a failure; `request` is the location of the request that failed, None if unknown."""
        explanation = explain(failure.text) if failure.text else Explanation((), ())
        if failure.origin != "api":  # the text of a proxy or a network error is not an API error
            explanation = explanation._replace(unknown=())
        if not explanation.matches:
            return Attribution(explanation)
        result = self._checked()
        requests = [it.request for it in result.requests if request in (None, it.request.location)]
        findings = [it for it in result.findings if _belongs(it.location, request)]
        located = [_located(match, failure, requests, findings) for match in explanation.matches]
        spans = self._spans(candidate.location for found in located for candidate in found.candidates)
        return Attribution(
            explanation,
            tuple(
                LocatedMatch(
                    match=match,
                    locations=tuple((it, it.location, spans.get(it.location)) for it in found.candidates),
                    note=found.note,
                )
                for match, found in zip(explanation.matches, located, strict=True)
            ),
        )

    def _checked(self) -> FileResult:
        if self._result is None:
            sent = self._sent
            self._result = DocumentCheck(
                context=Session(self._options).context,
                source=sent.source,
                path=sent.path,
                lines=sent.lines,
                explicit=True,
            ).run()
        return self._result

    def _spans(self, locations: Iterable[Location]) -> dict[Location, Span]:
        wanted: dict[int, list[Location]] = {}
        for location in locations:
            wanted.setdefault(location.document, []).append(location)
        spans: dict[Location, Span] = {}
        documents = open_documents(self._sent.source, lines=self._sent.lines, check=False)
        for document in documents if wanted else ():
            here = wanted.pop(document.number, ())
            if isinstance(document, Document):
                found = document.spans(location.outer_path for location in here)
                spans |= {
                    location: found[location.outer_path] for location in here if location.outer_path in found
                }
            if not wanted:
                break
        return spans


def _belongs(location: Location, request: Location | None) -> bool:
    """Whether a location is inside a request."""
    if request is None:
        return True
    root = request.keys or ()
    return location.document == request.document and (location.keys or ())[: len(root)] == root


def _located(
    match: Match, failure: Failure, requests: Sequence[Request], findings: Sequence[Finding]
) -> Located:
    """The blocks that the error names, else those that its text may refer to."""
    if failure.paths:
        uses = {use.location.dotted: use for request in requests for use in request.images}
        named = [use for path in failure.paths if (use := uses.get(path))]
        if named:
            codes = match.pattern.codes
            return Located(
                tuple(
                    Candidate(
                        location=use.location,
                        why="the error names it",
                        use=use,
                        findings=tuple(
                            it for it in findings if it.location == use.location and it.code in codes
                        ),
                    )
                    for use in named
                )
            )
    return locate(match, requests, findings)
