"""Glossaries of version 3: of several directions, and changed as one likes."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from scalemt.serve.binders import Binder, Terms
from scalemt.serve.glossaries import Kept
from scalemt.serve.service import Service
from scalemt.serve.surfaces.base import caller_of, routes_of, service_of
from scalemt.serve.surfaces.bodies import either_body, validated
from scalemt.serve.surfaces.deepl import models
from scalemt.serve.surfaces.deepl.codes import source_code
from scalemt.serve.surfaces.deepl.glossaries import Number, pair_of
from scalemt.serve.surfaces.deepl.models import REFUSED
from scalemt.serve.surfaces.deepl.translating import fields_of
from scalemt.serve.surfaces.deepl.wishes import binders_of

router = APIRouter(route_class=routes_of("deepl"), prefix="/v3/glossaries")

Code = Annotated[str, Query(min_length=1, max_length=60)]


@router.post("", status_code=201, responses=REFUSED, openapi_extra=either_body(models.BinderBody))
async def create(request: Request) -> models.Binder:
    """Keep a glossary; its id goes into requests that want its terms."""
    fields, caller = await fields_of(request, "glossaries")
    body = validated(models.BinderBody, fields.data())
    service = service_of(request)
    terms = [await _terms(service, item) for item in body.dictionaries]
    return _told(await asyncio.to_thread(binders_of(service).create, caller.name, body.name, terms))


@router.get("", responses=REFUSED)
async def list_glossaries(request: Request) -> models.BinderList:
    """List the glossaries of the caller, those of version 2 among them."""
    caller = caller_of(request, "glossaries")
    found = await asyncio.to_thread(binders_of(service_of(request)).listed, caller.name)
    return models.BinderList(glossaries=[_told(item) for item in found])


@router.get("/{glossary_id}", responses=REFUSED)
async def get_glossary(glossary_id: Number, request: Request) -> models.Binder:
    """Tell about a glossary."""
    caller = caller_of(request, "glossaries")
    return _told(await asyncio.to_thread(binders_of(service_of(request)).get, caller.name, glossary_id))


@router.patch("/{glossary_id}", responses=REFUSED, openapi_extra=either_body(models.BinderChange))
async def change(glossary_id: Number, request: Request) -> models.Binder:
    """Change the name of a glossary, or add terms to a direction: of a source that is there the new one counts."""
    fields, caller = await fields_of(request, "glossaries")
    body = validated(models.BinderChange, fields.data())
    service = service_of(request)
    binders = binders_of(service)
    binder = await asyncio.to_thread(binders.get, caller.name, glossary_id)
    terms = [await _terms(service, item) for item in body.dictionaries]
    if body.name is not None:
        binder = await asyncio.to_thread(binders.rename, caller.name, glossary_id, body.name)
    for item in terms:
        binder = await asyncio.to_thread(binders.put, caller.name, glossary_id, item, merge=True)
    return _told(binder)


@router.delete("/{glossary_id}", status_code=204, response_class=Response, responses=REFUSED)
async def delete(glossary_id: Number, request: Request) -> Response:
    """Forget a glossary."""
    caller = caller_of(request, "glossaries")
    await asyncio.to_thread(binders_of(service_of(request)).remove, caller.name, glossary_id)
    return Response(status_code=204)


@router.get("/{glossary_id}/entries", responses=REFUSED)
async def get_entries(
    glossary_id: Number, request: Request, source_lang: Code, target_lang: Code
) -> models.DictionaryList:
    """List the terms of a direction."""
    caller = caller_of(request, "glossaries")
    service = service_of(request)
    pair = await pair_of(service, source_lang, target_lang)
    kept = await asyncio.to_thread(binders_of(service).part, caller.name, glossary_id, pair)
    text = await asyncio.to_thread(service.shelf.as_tsv, caller.name, kept.id)
    info = _info(kept)
    told = models.DictionaryEntries(
        source_lang=info.source_lang, target_lang=info.target_lang, entries=text.rstrip("\n")
    )
    return models.DictionaryList(dictionaries=[told])


@router.put("/{glossary_id}/dictionaries", responses=REFUSED, openapi_extra=either_body(models.DictionaryBody))
async def replace(glossary_id: Number, request: Request) -> models.DictionaryInfo:
    """Put terms in the place of those of their direction."""
    fields, caller = await fields_of(request, "glossaries")
    terms = await _terms(service_of(request), validated(models.DictionaryBody, fields.data()))
    binder = await asyncio.to_thread(binders_of(service_of(request)).put, caller.name, glossary_id, terms)
    return _info(binder.parts[terms.pair])


@router.delete("/{glossary_id}/dictionaries", status_code=204, response_class=Response, responses=REFUSED)
async def delete_dictionary(
    glossary_id: Number, request: Request, source_lang: Code, target_lang: Code
) -> Response:
    """Forget the terms of a direction."""
    caller = caller_of(request, "glossaries")
    pair = await pair_of(service_of(request), source_lang, target_lang)
    await asyncio.to_thread(binders_of(service_of(request)).remove_part, caller.name, glossary_id, pair)
    return Response(status_code=204)


async def _terms(service: Service, body: models.Dictionary) -> Terms:
    pair = await pair_of(service, body.source_lang, body.target_lang)
    return Terms(pair, body.entries, tabs=body.entries_format == "tsv")


def _told(binder: Binder) -> models.Binder:
    return models.Binder(
        glossary_id=binder.id,
        name=binder.name,
        dictionaries=[_info(kept) for kept in binder.parts.values()],
        creation_time=binder.created,
    )


def _info(kept: Kept) -> models.DictionaryInfo:
    return models.DictionaryInfo(
        source_lang=source_code(kept.pair.source).lower(),
        target_lang=source_code(kept.pair.target).lower(),
        entry_count=kept.entries,
    )
