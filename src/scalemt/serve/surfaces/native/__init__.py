"""The project's own API, `/v1`: all that the engine can tell, in one piece or as it happens."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from scalemt.serve.refusals import Refusal
from scalemt.serve.surfaces.base import Surface
from scalemt.serve.surfaces.native import jobs, knowledge, translating
from scalemt.serve.surfaces.native.translating import fault_of

router = APIRouter()
for part in (translating, knowledge, jobs):
    # As they are: those of a router that is included are looked through twice for each request.
    router.routes.extend(part.router.routes)


def fault_body(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """Return the body of a refusal."""
    return {"error": fault_of(refusal, request_id)}


surface = Surface(
    "native", "scalemt", router, fault_body, owns=("/v1",), uploads=("/v1/jobs",), document="/v1/openapi.json"
)
