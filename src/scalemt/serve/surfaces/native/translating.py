"""Translating, in one piece or as it happens, and what there is to translate with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from scalemt import languages
from scalemt.serve.asking import AUTO, Event, Reply
from scalemt.serve.refusals import Refusal
from scalemt.serve.surfaces.base import caller_of, refusal_of, routes_of, service_of
from scalemt.serve.surfaces.events import EventStream, Opened
from scalemt.serve.surfaces.native.models import (
    REFUSED,
    DetectBody,
    Detections,
    Language,
    LanguageEntry,
    LanguageList,
    ProfileEntry,
    ProfileList,
    TranslateBody,
    TranslateReply,
)
from scalemt.translations import as_json
from scalemt.types import Translation

router = APIRouter(prefix="/v1", tags=["native"], route_class=routes_of("native"))


@router.post("/translate", response_model=TranslateReply, responses=REFUSED)
async def translate(body: TranslateBody, request: Request) -> Response:
    """Translate one text or several."""
    caller = caller_of(request, "translate")
    service = service_of(request)
    if body.stream:
        source = await Opened.of(service.stream(body.ask, caller))
        return EventStream(source, _events(source, request.state.request_id))
    reply = await service.translate(body.ask, caller)
    return JSONResponse(_reply(reply, explain=body.explain))


def _reply(reply: Reply, *, explain: bool) -> dict[str, Any]:
    return {
        "translations": [as_json(item) if explain else _short(item) for item in reply.translations],
        "source": reply.pair.source,
        "target": reply.pair.target,
        "detected": asdict(reply.detected[0]) if reply.detected else None,
        "seconds": round(reply.seconds, 4),
    }


def _short(item: Translation) -> dict[str, Any]:
    return {
        "id": item.segment.id,
        "source": item.segment.text,
        "translation": item.text,
        "method": item.method,
        "error": str(item.error) if item.error else None,
    }


async def _events(events: AsyncIterator[Event], request_id: str) -> AsyncIterator[str]:
    """Yield server-sent events."""
    try:
        async for event in events:
            yield _event(event)
    except Exception as fault:
        refusal = refusal_of(fault)
        yield _sent("fault", fault_of(refusal, request_id))


def _event(event: Event) -> str:
    if event.detected:
        return _sent("detected", asdict(event.detected))
    if event.translation:
        return _sent(event.kind, {"index": event.index, **as_json(event.translation)})
    translations = event.reply.translations if event.reply else ()
    usage: dict[str, float] = {}
    for item in translations:
        for name, value in asdict(item.usage).items():
            usage[name] = usage.get(name, 0) + value
    told = {
        "segments": len(translations),
        "failed": sum(item.error is not None for item in translations),
        "seconds": round(event.reply.seconds, 4) if event.reply else 0.0,
        "usage": usage,
    }
    return _sent("done", told)


def _sent(name: str, value: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"


@router.post("/detect", responses=REFUSED)
async def detect(body: DetectBody, request: Request) -> Detections:
    """Tell the language of a text."""
    caller_of(request, "translate")
    found = await service_of(request).detect(body.text)
    return Detections(languages=[Language(**asdict(item)) for item in found])


@router.get("/languages", responses=REFUSED)
async def list_languages(request: Request, profile: str | None = None) -> LanguageList:
    """List the languages that can be translated from, each with those it can be translated into."""
    caller_of(request, "translate")
    service = service_of(request)
    chosen = service.profile(profile)
    speeches = await service.speeches(profile)
    tongues = await service.tongues(profile)
    codes = sorted({code for item in speeches for code in (item.code, *item.targets)})
    return LanguageList(
        languages=[
            LanguageEntry(
                code=item.code,
                name=languages.name(item.code),
                rtl=languages.is_right_to_left(item.code),
                targets=list(item.targets),
            )
            for item in speeches
        ],
        names={code: languages.name(code) for code in codes},
        rtl=[code for code in codes if languages.is_right_to_left(code)],
        formality=[code for code in tongues.targets if tongues.has_formality(AUTO, code, chosen)],
    )


@router.get("/profiles", responses=REFUSED)
async def list_profiles(request: Request) -> ProfileList:
    """List the ways of translating that are served."""
    caller = caller_of(request, "translate")
    service = service_of(request)
    return ProfileList(
        profiles=[
            ProfileEntry(
                name=name,
                method=item.method,
                asks=service.asks(item),
                memory=bool(item.memories),
                glossary=bool(item.glossary),
            )
            for name, item in service.settings.profiles.items()
        ],
        default=service.settings.default,
        characters=caller.limits.characters,
        texts=caller.limits.texts,
        upload=service.settings.capacity.upload,
    )


def fault_of(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """Return what is told of a refusal."""
    return {"type": refusal.kind, "message": str(refusal), "request_id": request_id}
