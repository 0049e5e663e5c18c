"""Whose fault a failure is: the rule of its text, the blocks that it means, what our rules say of them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from imgbudget.explain import Candidate, Explanation, Located, Match, explain, locate
from imgbudget.live.answers import Failure
from imgbudget.live.outgoing import Outgoing
from imgbudget.model import Finding, Place, Request, Span
from imgbudget.report import FileResult
from imgbudget.reporters.explanations import Whereabouts
from imgbudget.session import Session
from imgbudget.session.documents import DocumentCheck
from imgbudget.session.wishes import RunOptions
from imgbudget.sources.jsonspans import Document, open_documents


class Blame(NamedTuple):
    """What a failure means, and where; `whereabouts` has an entry a match."""

    explanation: Explanation
    whereabouts: tuple[Whereabouts, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """The rules that the matches belong to."""
        return tuple(code for match in self.explanation.matches for code in match.known.codes[:1])

    @property
    def locations(self) -> tuple[str, ...]:
        """The blocks that are meant, as the API writes them."""
        places = (candidate.place for where in self.whereabouts for candidate, _, _ in where.places)
        return tuple(dict.fromkeys(place.location for place in places if place.location))


class Judge:
    """Blames failures on blocks of what was sent; all rules look at it once, when the first failure comes."""

    def __init__(self, sent: Outgoing, wishes: RunOptions) -> None:
        """Judge by all rules, whatever the configuration leaves out."""
        self._sent = sent
        self._wishes = wishes._replace(select=("ALL",), pedantic=True, use_ignores=False, use_baseline=False)
        self._result: FileResult | None = None

    def blame(self, failure: Failure, request: Place | None = None) -> Blame:
        """Explain a failure, of the request at that place where it is told."""
        explanation = explain(failure.text) if failure.text else Explanation((), ())
        if failure.origin != "api":  # a page or a network has words of its own: none is a text of the API
            explanation = explanation._replace(unknown=())
        if not explanation.matches:
            return Blame(explanation)
        result = self._checked()
        requests = [it.request for it in result.requests if request in (None, it.request.place)]
        findings = [it for it in result.findings if _belongs(it.place, request)]
        located = [_located(match, failure, requests, findings) for match in explanation.matches]
        spans = self._spans(candidate.place for found in located for candidate in found.candidates)
        return Blame(
            explanation,
            tuple(
                Whereabouts(
                    match=match,
                    places=tuple((it, it.place, spans.get(it.place)) for it in found.candidates),
                    note=found.note,
                )
                for match, found in zip(explanation.matches, located, strict=True)
            ),
        )

    def _checked(self) -> FileResult:
        if self._result is None:
            sent = self._sent
            self._result = DocumentCheck(
                bench=Session(self._wishes).bench,
                source=sent.source,
                path=sent.path,
                lines=sent.lines,
                fails_closed=True,
            ).run()
        return self._result

    def _spans(self, places: Iterable[Place]) -> dict[Place, Span]:
        wanted: dict[int, list[Place]] = {}
        for place in places:
            wanted.setdefault(place.document, []).append(place)
        spans: dict[Place, Span] = {}
        documents = open_documents(self._sent.source, lines=self._sent.lines, check=False)
        for document in documents if wanted else ():
            here = wanted.pop(document.number, ())
            if isinstance(document, Document):
                found = document.spans(place.route for place in here)
                spans |= {place: found[place.route] for place in here if place.route in found}
            if not wanted:
                break
        return spans


def _belongs(place: Place, request: Place | None) -> bool:
    """Whether a place is inside a request."""
    if request is None:
        return True
    root = request.keys or ()
    return place.document == request.document and (place.keys or ())[: len(root)] == root


def _located(
    match: Match, failure: Failure, requests: Sequence[Request], findings: Sequence[Finding]
) -> Located:
    """The blocks that the error names one by one, else those that its text may mean."""
    if failure.paths:
        uses = {use.place.location: use for request in requests for use in request.images}
        named = [use for path in failure.paths if (use := uses.get(path))]
        if named:
            codes = match.known.codes
            return Located(
                tuple(
                    Candidate(
                        place=use.place,
                        why="the error names it",
                        use=use,
                        findings=tuple(it for it in findings if it.place == use.place and it.code in codes),
                    )
                    for use in named
                )
            )
    return locate(match, requests, findings)
