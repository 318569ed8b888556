"""Texts, languages and usage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from scalemt import languages
from scalemt.errors import InputError
from scalemt.serve import markup
from scalemt.serve.asking import AUTO
from scalemt.serve.keys import Caller
from scalemt.serve.markup import Cut, XmlRules
from scalemt.serve.refusals import InvalidRequest
from scalemt.serve.surfaces.base import caller_of, routes_of, service_of
from scalemt.serve.surfaces.bodies import Fields, either_body, read_fields, validated
from scalemt.serve.surfaces.deepl.codes import source_code, source_codes, target_codes
from scalemt.serve.surfaces.deepl.models import (
    REFUSED,
    LanguageEntry,
    LanguagesBody,
    TranslateBody,
    TranslateReply,
    Usage,
)
from scalemt.serve.surfaces.deepl.wishes import FAST, profile_for, understood
from scalemt.serve.texts import Done, Order, translate_texts

UNLIMITED = 1_000_000_000_000
"""What DeepL tells whoever has no limit."""

SEVERAL = ("text", "splitting_tags", "non_splitting_tags", "ignore_tags", "glossary_ids", "custom_instructions")
"""The parameters that a form may hold several times."""

router = APIRouter(route_class=routes_of("deepl"))


async def fields_of(request: Request, scope: str) -> tuple[Fields, Caller]:
    """Return what a request says, and who sent it; parameters that a form leaves empty are left out."""
    fields = await read_fields(request)
    caller = caller_of(request, scope, fields.first("auth_key"))
    if fields.form:
        told = {name: held for name, held in fields.values.items() if name == "text" or held[0] != ""}
        fields = Fields(told, form=True)
    return fields, caller


@router.get("/v2/translate", include_in_schema=False)
@router.post(
    "/v2/translate",
    response_model=TranslateReply,
    response_model_exclude_none=True,
    responses=REFUSED,
    openapi_extra=either_body(TranslateBody),
)
async def translate(request: Request) -> Response:
    """Translate up to 50 texts."""
    fields, caller = await fields_of(request, "translate")
    body = validated(TranslateBody, fields.data(SEVERAL))
    service = service_of(request)
    profile = profile_for(service, body.model_type)
    wanted = await understood(service, body, caller, profile)
    cut = _cutter(body)
    try:
        cuts = [await asyncio.to_thread(cut, text) for text in body.text]
    except InputError as fault:
        raise InvalidRequest(f"Tag handling parsing failed, please check input. {fault}") from None
    before = (body.context,) if body.context else ()
    done = await translate_texts(service, cuts, Order(wanted.source, wanted.target, wanted.wish, before), caller)
    return JSONResponse({"translations": _translated(body, done, profile)})


def _cutter(body: TranslateBody) -> Callable[[str], Cut]:
    ignored = frozenset(body.ignore_tags)
    if body.tag_handling == "html":
        return partial(markup.html, copied=frozenset(tag.lower() for tag in ignored))
    breaks: Any = "hard" if body.split_sentences in (None, "1") else "soft"
    if body.tag_handling is None:
        return partial(markup.plain, breaks=breaks)
    rules = XmlRules(
        ignored=ignored,
        splitting=frozenset(body.splitting_tags),
        joining=frozenset(body.non_splitting_tags),
        outline=body.outline_detection,
        strict=body.tag_handling_version == "v2",
        breaks=breaks,
    )
    return partial(markup.xml, rules=rules)


def _translated(body: TranslateBody, done: list[Done], profile: str) -> list[dict[str, Any]]:
    given = source_code(languages.parse(body.source_lang)) if body.source_lang else None
    told = next((item.detected for item in done if item.detected), None)
    usual = given or (source_code(told.language) if told else "EN")
    made = []
    for text, item in zip(body.text, done, strict=True):
        found = given or (source_code(item.detected.language) if item.detected else usual)
        entry: dict[str, Any] = {"detected_source_language": found, "text": item.text}
        if body.show_billed_characters:
            entry["billed_characters"] = len(text)
        if body.model_type:
            entry["model_type_used"] = "latency_optimized" if profile == FAST else "quality_optimized"
        made.append(entry)
    return made


@router.get("/v2/languages", response_model=list[LanguageEntry], responses=REFUSED)
@router.post("/v2/languages", include_in_schema=False)
async def list_languages(request: Request, type: str = "source") -> Response:  # noqa: A002  # DeepL's name
    """List the languages that can be translated from, or into (`type=target`)."""
    # DeepL's own client puts `type` into the body of its GET.
    fields, _ = await fields_of(request, "translate")
    given = fields.first("type") or type
    if given not in LanguagesBody.model_fields["type"].annotation.__args__:  # type: ignore[union-attr]
        raise InvalidRequest("Parameter 'type' is invalid. 'source' and 'target' are valid values.")
    service = service_of(request)
    profile = service.profile(None)
    tongues = await service.tongues()
    if given == "source":
        told = {code: (tag, False) for code, tag in source_codes(tongues.sources).items()}
    else:
        told = {
            code: (tag, tongues.has_formality(AUTO, tag, profile))
            for code, tag in target_codes(tongues.targets).items()
        }
    entries = [
        {"language": code, "name": languages.name(tag), "supports_formality": formality}
        for code, (tag, formality) in told.items()
    ]
    return JSONResponse(entries)


@router.get("/v2/usage", responses=REFUSED)
@router.post("/v2/usage", include_in_schema=False)
async def usage(request: Request) -> Usage:
    """Tell how many characters were translated this month, and how many may be."""
    _, caller = await fields_of(request, "translate")
    count, limit = service_of(request).quotas.usage(caller)
    return Usage(character_count=count, character_limit=limit or UNLIMITED)
