"""Memory, glossaries and evaluation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from scalemt import languages
from scalemt.evaluation.results import without_nan
from scalemt.memory import Match, Unit
from scalemt.serve.asking import Wish
from scalemt.serve.glossaries import Kept as KeptGlossary
from scalemt.serve.refusals import InvalidRequest
from scalemt.serve.surfaces.base import caller_of, routes_of, service_of
from scalemt.serve.surfaces.native.models import (
    REFUSED,
    CorrectionBody,
    EvaluateBody,
    GlossaryBody,
    GlossaryEntry,
    GlossaryList,
    Kept,
    MatchBody,
    Matches,
    MemoryStats,
    PairCount,
    Score,
    Scores,
    Term,
    TermList,
    UnitEntry,
    Units,
)

router = APIRouter(prefix="/v1", tags=["native"], route_class=routes_of("native"))

Number = Annotated[str, Path(max_length=60)]
Text = Annotated[str, Query(min_length=1, max_length=10_000)]
Code = Annotated[str, Query(min_length=1, max_length=60)]


@router.post("/memory", status_code=201, responses=REFUSED)
async def correct(body: CorrectionBody, request: Request) -> Kept:
    """Keep a correction in the memory of a profile; specialists that learn are taught."""
    caller = caller_of(request, "memory:write")
    pair = languages.parse_pair(body.source, body.target)
    about = {key: value for key, value in (("before", body.before), ("note", body.note)) if value}
    about["creator"] = caller.name
    wish = Wish(body.profile)
    await service_of(request).remember(body.source_text, body.translation, pair, wish, about)
    return Kept()


@router.get("/memory", responses=REFUSED)
async def match(
    request: Request,
    text: Text,
    source: Code,
    target: Code,
    profile: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 5,
    floor: Annotated[float, Query(ge=0, le=100)] = 50.0,
) -> Matches:
    """Find what is like a text in the memories of a profile."""
    caller_of(request, "memory")
    pair = languages.parse_pair(source, target)
    found = await service_of(request).matches(text, pair, profile, limit=limit, floor=floor)
    return Matches(matches=[_match(item) for item in found])


@router.post("/memory/matches", responses=REFUSED)
async def match_body(body: MatchBody, request: Request) -> Matches:
    """Do the same without a text in the address, where proxies between would write it down."""
    return await match(request, body.text, body.source, body.target, body.profile, body.limit, body.floor)


@router.get("/memory/search", responses=REFUSED)
async def search(
    request: Request,
    text: Text,
    source: Annotated[str, Query(max_length=60)] = "",
    target: Annotated[str, Query(max_length=60)] = "",
    profile: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Units:
    """Find what holds a text, on either side, in the memories of a profile."""
    caller_of(request, "memory")
    if bool(source) != bool(target):
        raise InvalidRequest("Give both source and target, or neither.")
    pair = languages.parse_pair(source, target) if source else None
    found = await service_of(request).concordance(text, pair, profile, limit=limit)
    return Units(units=[_unit(item) for item in found])


@router.get("/memory/stats", responses=REFUSED)
async def stats(request: Request, profile: str | None = None) -> MemoryStats:
    """Count the units of each memory of a profile."""
    caller_of(request, "memory")
    found = await service_of(request).memory_stats(profile)
    return MemoryStats(
        memories={
            name: [
                PairCount(
                    source=item.pair.source,
                    target=item.pair.target,
                    units=item.units,
                    sources=item.sources,
                    oldest=item.oldest,
                    newest=item.newest,
                )
                for item in rows
            ]
            for name, rows in found.items()
        }
    )


def _match(item: Match) -> UnitEntry:
    found = _unit(item.unit)
    return found.model_copy(update={"score": round(item.score, 2), "kind": item.kind, "memory": item.memory})


def _unit(item: Unit) -> UnitEntry:
    return UnitEntry(source=item.source, target=item.target, origin=item.origin, changed=item.changed)


@router.post("/evaluate", responses=REFUSED)
async def evaluate(body: EvaluateBody, request: Request) -> Scores:
    """Score translations, with intervals and signatures."""
    caller = caller_of(request, "evaluate")
    found = await service_of(request).evaluate(
        body.hypotheses,
        body.references,
        caller,
        sources=body.sources,
        metrics=body.metrics,
        target=body.target,
    )
    (row,) = found.cells.values()
    scores = []
    for info in found.metrics:
        cell = row[info.name]
        told = without_nan(
            {"score": cell.score, "low": cell.low, "high": cell.high, "segments": list(cell.segments)}
        )
        scores.append(Score(metric=info.name, signature=info.signature, **told))
    return Scores(scores=scores, segments=len(found.test_set))


@router.post("/glossaries", status_code=201, responses=REFUSED)
async def create_glossary(body: GlossaryBody, request: Request) -> GlossaryEntry:
    """Keep a glossary; its id goes into requests that want its terms."""
    caller = caller_of(request, "glossaries")
    given = [item is not None for item in (body.entries, body.tsv, body.csv)]
    if sum(given) != 1:
        raise InvalidRequest("Give the entries in one way: entries, tsv or csv.")
    pair = languages.parse_pair(body.source, body.target)
    entries = None if body.entries is None else [(item.source, item.target) for item in body.entries]
    kept = service_of(request).shelf.create(
        caller.name, body.name, pair, entries=entries, tsv=body.tsv, csv=body.csv
    )
    return _glossary(kept)


@router.get("/glossaries", responses=REFUSED)
async def list_glossaries(request: Request) -> GlossaryList:
    """List the glossaries of the caller."""
    caller = caller_of(request, "glossaries")
    return GlossaryList(glossaries=[_glossary(item) for item in service_of(request).shelf.list(caller.name)])


@router.get("/glossaries/{number}", responses=REFUSED)
async def get_glossary(number: Number, request: Request) -> GlossaryEntry:
    """Tell about a glossary."""
    caller = caller_of(request, "glossaries")
    return _glossary(service_of(request).shelf.get(caller.name, number))


@router.get("/glossaries/{number}/entries", responses=REFUSED)
async def get_entries(number: Number, request: Request) -> TermList:
    """List the entries of a glossary."""
    caller = caller_of(request, "glossaries")
    entries = service_of(request).shelf.entries(caller.name, number)
    return TermList(entries=[Term(source=source, target=target) for source, target in entries])


@router.delete("/glossaries/{number}", status_code=204, responses=REFUSED)
async def delete_glossary(number: Number, request: Request) -> Response:
    """Forget a glossary."""
    caller = caller_of(request, "glossaries")
    service_of(request).shelf.delete(caller.name, number)
    return Response(status_code=204)


def _glossary(item: KeptGlossary) -> GlossaryEntry:
    return GlossaryEntry(
        id=item.id,
        name=item.name,
        source=item.pair.source,
        target=item.pair.target,
        entries=item.entries,
        created=item.created,
    )
