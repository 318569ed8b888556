"""The API of DeepL, version 2 and glossaries of version 3: paths, parameters, spellings, messages, status codes.

Source: DeepL's OpenAPI document 3.5 (https://github.com/DeepLcom/openapi) and its Python client 1.32.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from scalemt.serve.refusals import BackendFailed, NotDone, Refusal, Unauthorized
from scalemt.serve.surfaces.base import Surface
from scalemt.serve.surfaces.deepl import documents, glossaries, multilingual, translating

router = APIRouter(tags=["deepl"])
for part in (translating, documents, glossaries, multilingual):
    router.include_router(part.router)


def _status(refusal: Refusal) -> int:
    """DeepL has no 401 and no 502, and answers whoever fetches a document too early with 503."""
    if isinstance(refusal, Unauthorized):
        return 403
    return 503 if isinstance(refusal, BackendFailed | NotDone) else refusal.status


def _form(refusal: Refusal, _: str) -> dict[str, Any]:
    return {"message": str(refusal)}


surface = Surface(
    "deepl",
    "DeepL",
    router,
    _form,
    owns=("/v2", "/v3"),
    uploads=("/v2/document",),
    document="/v2/openapi.json",
    status=_status,
)
