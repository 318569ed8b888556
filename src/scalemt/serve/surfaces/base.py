"""What surfaces share: how they are called, how they say no, and how their OpenAPI documents come about."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, cast

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from scalemt.errors import ScalemtError
from scalemt.serve.keys import Caller
from scalemt.serve.refusals import Forbidden, InvalidRequest, NotFound, Refusal, Unauthorized, as_refusal
from scalemt.serve.service import Service
from scalemt.version import __version__

logger = logging.getLogger("scalemt.serve")

Form = Callable[[Refusal, str], dict[str, Any]]
"""Makes the body of a refusal, given the id of the request."""


@dataclass(frozen=True)
class Surface:
    """One API of the server.

    Args:
        name: for logs and metrics.
        title: of its OpenAPI document.
        router: its routes.
        form: the body of what it refuses.
        owns: the beginnings of the paths that are its own, also where there is no route.
        uploads: the paths that take documents.
        document: where its OpenAPI document is served.
        status: the HTTP status of a refusal, where it is not the usual one.
        running: what is entered when the server starts, and left before it ends.
    """

    name: str
    title: str
    router: APIRouter
    form: Form
    owns: tuple[str, ...]
    uploads: tuple[str, ...] = ()
    document: str = ""
    status: Callable[[Refusal], int] = lambda refusal: refusal.status
    running: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None

    def answer(self, refusal: Refusal, request_id: str) -> Response:
        """Return the response of a refusal."""
        body = self.form(refusal, request_id)
        return JSONResponse(body, self.status(refusal), refusal.headers)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document of its routes."""
        return get_openapi(title=self.title, version=__version__, routes=self.router.routes)


def routes_of(surface: str) -> type[APIRoute]:
    """Return the class of a surface's routes: it notes whose request it is."""

    class Route(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            inner = super().get_route_handler()

            async def handler(request: Request) -> Response:
                request.state.surface = surface
                try:
                    return await inner(request)
                except (HTTPException, RequestValidationError, ScalemtError):
                    raise
                except Exception as fault:
                    logger.exception("request %s failed", request.state.request_id)
                    raise as_refusal(fault) from None

            return handler

    return Route


def service_of(request: Request) -> Service:
    """Return the service layer that a request is for."""
    return cast(Service, request.app.state.service)


def presented_key(request: Request) -> str | None:
    """Return the key that stands in the head of a request, in any of the usual ways."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in ("bearer", "deepl-auth-key") and value.strip():
        return value.strip()
    return request.headers.get("x-api-key") or None


def caller_of(request: Request, scope: str, key: str | None = None) -> Caller:
    """Return who asks, if that one may.

    Args:
        request: its head may hold a key.
        scope: what the key must allow.
        key: one that stands elsewhere in the request.

    Raises:
        Unauthorized: a key is needed.
        Forbidden: the key is unknown, or does not allow this.
    """
    caller = service_of(request).caller(presented_key(request) or key, scope)
    request.state.caller = caller.name
    return caller


def authenticated(request: Request) -> Caller:
    """Return who asks, whatever that one may; an unknown key is refused with 401 here, as most APIs have it.

    Raises:
        Unauthorized: a key is needed, or is none of this server.
    """
    try:
        caller = service_of(request).keys.caller(presented_key(request))
    except Forbidden as fault:
        raise Unauthorized(str(fault)) from None
    request.state.caller = caller.name
    return caller


def refusal_of(fault: Exception) -> Refusal:
    """Return what is answered for whatever a route raises, also for what the framework finds wrong."""
    if isinstance(fault, RequestValidationError):
        return InvalidRequest(_sentences(fault.errors()))
    if isinstance(fault, HTTPException):
        return _of_http(fault)
    return as_refusal(fault)


def _of_http(fault: HTTPException) -> Refusal:
    if fault.status_code == 404:
        return NotFound("There is nothing at this address. What there is, /openapi.json tells.")
    made = InvalidRequest(f"{fault.detail}.")
    # 405, 415 and the like stay what they are.
    made.status = fault.status_code
    return made


def _sentences(faults: Iterable[Any]) -> str:
    """Say what is wrong with the fields of a request; what stands in them is not repeated."""
    told = []
    for fault in faults:
        where = ".".join(str(part) for part in fault["loc"] if part not in ("body", "query", "path"))
        told.append(f"{where or 'the body'}: {fault['msg'].removeprefix('Value error, ')}")
    return "The request is not as expected. " + "; ".join(told[:5]) + "."


def documented(model: type[BaseModel], *statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may refuse, for its OpenAPI document."""
    told: dict[int | str, dict[str, Any]] = {
        status: {"model": model, "description": _DESCRIPTIONS[status]} for status in statuses
    }
    # The front refuses such a head before it is known whom it is for.
    plain = {"text/plain": {"schema": {"type": "string"}}}
    return told | {431: {"description": "The head of the request is larger than 64 KiB.", "content": plain}}


_DESCRIPTIONS = {
    400: "The request says something that cannot be done.",
    401: "A key is needed.",
    403: "The key, or the origin, may not do this.",
    404: "There is nothing of that name.",
    405: "There is no such method here.",
    406: "No such form of the answer.",
    408: "The request did not arrive in time.",
    409: "The result is not there yet.",
    413: "The request is too large.",
    415: "The body is of a type that is not read here.",
    422: "The request is not as expected.",
    429: "Too many requests; Retry-After tells when.",
    456: "The characters of the key are used up.",
    500: "The server met a fault of its own.",
    502: "What should have translated did not.",
    503: "The server cannot translate now.",
    504: "There was no translation within the time limit.",
}
