"""What operators ask of a server: whether it lives, whether it can translate, and its numbers."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from scalemt.serve.surfaces.base import Surface, caller_of, routes_of, service_of
from scalemt.serve.surfaces.native import fault_body
from scalemt.serve.surfaces.native.models import FaultBody
from scalemt.version import __version__

router = APIRouter(route_class=routes_of("operations"), tags=["operations"])
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Health(BaseModel):
    """The server lives."""

    status: Literal["ok"]
    version: str


class Readiness(BaseModel):
    """Whether the server can translate, and what each worker does."""

    ready: bool
    workers: list[dict[str, Any]]


@router.get("/health")
async def health() -> Health:
    """Tell that the server lives."""
    return Health(status="ok", version=__version__)


@router.get("/ready", response_model=Readiness, responses={503: {"model": Readiness}})
async def ready(request: Request) -> Response:
    """Tell whether a worker can translate."""
    service = service_of(request)
    workers = [
        {"worker": hand.place, "ready": hand.ready, "restarts": hand.restarts, "tasks": len(hand.running)}
        for hand in service.scheduler.crew.hands
    ]
    return JSONResponse({"ready": service.ready, "workers": workers}, 200 if service.ready else 503)


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        401: {"model": FaultBody},
        403: {"model": FaultBody},
    },
)
async def metrics(request: Request) -> Response:
    """Return all numbers in the text format of Prometheus."""
    caller_of(request, "metrics")
    return Response(service_of(request).meters.text(), media_type=_TEXT)


surface = Surface(
    "operations",
    "scalemt operations",
    router,
    fault_body,
    owns=("/health", "/ready", "/metrics", "/openapi.json"),
)
