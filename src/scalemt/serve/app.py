"""Puts the server together: the surfaces over one service layer, behind the middlewares."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from scalemt.errors import ScalemtError
from scalemt.serve.access import Access
from scalemt.serve.intake import Intake
from scalemt.serve.refusals import Refusal
from scalemt.serve.service import Service
from scalemt.serve.settings import ServeSettings
from scalemt.serve.surfaces.base import Surface, refusal_of
from scalemt.version import __version__

if TYPE_CHECKING:
    from starlette.types import Scope

SURFACES = ("operations", "native", "libretranslate", "deepl", "openai", "mcp", "page")
"""In the order of their routes; each is a module of `surfaces` with a `surface`."""


def build(settings: ServeSettings, failed: Callable[[ScalemtError], None] | None = None) -> Access:
    """Return the ASGI application of a server; workers start with its lifespan.

    Args:
        settings: what is served.
        failed: called when no worker can ever serve it; the server is to end then.

    Raises:
        UsageError: keys, glossaries or the state folder cannot be used.
    """
    service = Service(settings, failed)
    surfaces: list[Surface] = [import_module(f"scalemt.serve.surfaces.{name}").surface for name in SURFACES]
    app = FastAPI(title="scalemt", version=__version__, openapi_url=None, lifespan=_lifespan(service, surfaces))
    app.state.service = service
    for surface in surfaces:
        if all(isinstance(route, APIRoute) for route in surface.router.routes):
            # Those of a router that is included are looked through twice for each request.
            app.router.routes.extend(surface.router.routes)
        else:
            app.include_router(surface.router)
    _tell(app, surfaces)

    def owner(path: str) -> Surface:
        owned = [(start, item) for item in surfaces for start in item.owns if path.startswith(start)]
        return max(owned, key=lambda item: len(item[0]))[1] if owned else surfaces[0]

    def answer(scope: Scope, refusal: Refusal) -> Response:
        """Say no, in the form of the surface that was called."""
        surface = owner(scope["path"])
        scope["state"].setdefault("surface", surface.name)
        service.meters.refused.labels(refusal.kind).inc()
        return surface.answer(refusal, scope["state"]["request_id"])

    async def refuse(request: Request, fault: Exception) -> Response:
        return answer(request.scope, refusal_of(fault))

    for kind in (RequestValidationError, HTTPException, ScalemtError):
        app.add_exception_handler(kind, refuse)

    uploads = tuple(start for surface in surfaces for start in surface.uploads)
    intake = Intake(app, settings.capacity, answer, lambda scope: scope["path"].startswith(uploads))
    return Access(intake, settings, service.meters, answer)


def _lifespan(service: Service, surfaces: Sequence[Surface]) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            async with AsyncExitStack() as stack:
                for surface in surfaces:
                    if surface.running:
                        await stack.enter_async_context(surface.running(app))
                yield
        finally:
            await service.close()

    return lifespan


def _tell(app: FastAPI, surfaces: Sequence[Surface]) -> None:
    """Serve OpenAPI documents: of all surfaces together, and of each by itself where a client looks for it."""
    whole = get_openapi(title="scalemt", version=__version__, routes=app.routes)
    addresses = {"/openapi.json": whole}
    addresses |= {surface.document: surface.openapi() for surface in surfaces if surface.document}
    for address, document in addresses.items():
        app.add_api_route(address, _constant(document), include_in_schema=False)


def _constant(document: dict[str, Any]) -> Any:
    # A large one takes longer to write than a sentence to translate: it is written once.
    written = JSONResponse(document).body

    async def tell() -> Response:
        return Response(written, media_type="application/json")

    return tell
