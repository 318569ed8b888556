"""Glossaries of version 2: made once, looked at, deleted, never changed."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from scalemt import languages
from scalemt.serve.glossaries import Kept
from scalemt.serve.refusals import InvalidRequest
from scalemt.serve.service import Service
from scalemt.serve.surfaces.base import caller_of, routes_of, service_of
from scalemt.serve.surfaces.bodies import either_body, validated
from scalemt.serve.surfaces.deepl.codes import source_code
from scalemt.serve.surfaces.deepl.models import (
    REFUSED,
    Glossary,
    GlossaryBody,
    GlossaryList,
    GlossaryPair,
    GlossaryPairs,
)
from scalemt.serve.surfaces.deepl.translating import fields_of
from scalemt.serve.surfaces.deepl.wishes import binders_of
from scalemt.types import Pair

router = APIRouter(route_class=routes_of("deepl"))

Number = Annotated[str, Path(max_length=60)]
_TSV = "text/tab-separated-values"


@router.get("/v2/glossary-language-pairs", responses=REFUSED)
async def list_pairs(request: Request) -> GlossaryPairs:
    """List the directions that a glossary can have."""
    caller_of(request, "glossaries")
    pairs = await service_of(request).pairs()
    told = sorted({(source_code(pair.source).lower(), source_code(pair.target).lower()) for pair in pairs})
    return GlossaryPairs(
        supported_languages=[GlossaryPair(source_lang=one, target_lang=other) for one, other in told]
    )


@router.post(
    "/v2/glossaries",
    status_code=201,
    responses={**REFUSED, 201: {"description": "It is kept."}},
    openapi_extra=either_body(GlossaryBody),
)
async def create(request: Request) -> Glossary:
    """Keep a glossary; its id goes into requests that want its terms."""
    fields, caller = await fields_of(request, "glossaries")
    body = validated(GlossaryBody, fields.data())
    service = service_of(request)
    pair = await pair_of(service, body.source_lang, body.target_lang)
    tsv, csv = (body.entries, None) if body.entries_format == "tsv" else (None, body.entries)
    kept = await asyncio.to_thread(
        service.shelf.create, caller.name, body.name, pair, tsv=tsv, csv=csv, plain=True
    )
    return _told(kept)


async def pair_of(service: Service, source_lang: str, target_lang: str) -> Pair:
    """Return the direction of a glossary, without territories.

    Raises:
        InvalidRequest: nothing is translated in this direction.
    """
    tongues = await service.tongues()
    known = [*tongues.sources, *tongues.targets]
    source, target = tongues.known(source_lang, known), tongues.known(target_lang, known)
    if source is None or target is None or not tongues.serves(Pair(source, target)):
        raise InvalidRequest("Unsupported glossary source and target language pair.")
    return Pair(languages.base(source), languages.base(target))


@router.get("/v2/glossaries", responses=REFUSED)
async def list_glossaries(request: Request) -> GlossaryList:
    """List the glossaries of the caller, but for those of version 3."""
    caller = caller_of(request, "glossaries")
    kept = await asyncio.to_thread(binders_of(service_of(request)).alone, caller.name)
    return GlossaryList(glossaries=[_told(item) for item in kept])


@router.get("/v2/glossaries/{glossary_id}", responses=REFUSED)
async def get_glossary(glossary_id: Number, request: Request) -> Glossary:
    """Tell about a glossary."""
    caller = caller_of(request, "glossaries")
    return _told(await asyncio.to_thread(service_of(request).shelf.get, caller.name, glossary_id))


@router.get(
    "/v2/glossaries/{glossary_id}/entries",
    response_class=Response,
    responses={**REFUSED, 200: {"content": {_TSV: {"schema": {"type": "string"}}}}},
)
async def get_entries(glossary_id: Number, request: Request) -> Response:
    """List the entries of a glossary, one a line, source and target parted by a tab."""
    caller = caller_of(request, "glossaries")
    accepted = request.headers.get("accept", "*/*")
    if not any(kind in accepted for kind in (_TSV, "text/*", "*/*")):
        refusal = InvalidRequest(f"No supported media type specified in Accept header. Accept {_TSV}.")
        refusal.status = 415
        raise refusal
    text = await asyncio.to_thread(service_of(request).shelf.as_tsv, caller.name, glossary_id)
    return Response(text, media_type=f"{_TSV}; charset=utf-8")


@router.delete("/v2/glossaries/{glossary_id}", status_code=204, response_class=Response, responses=REFUSED)
async def delete(glossary_id: Number, request: Request) -> Response:
    """Forget a glossary."""
    caller = caller_of(request, "glossaries")
    await asyncio.to_thread(service_of(request).shelf.delete, caller.name, glossary_id)
    return Response(status_code=204)


def _told(kept: Kept) -> Glossary:
    return Glossary(
        glossary_id=kept.id,
        name=kept.name,
        ready=True,
        source_lang=source_code(kept.pair.source).lower(),
        target_lang=source_code(kept.pair.target).lower(),
        creation_time=kept.created,
        entry_count=kept.entries,
    )
