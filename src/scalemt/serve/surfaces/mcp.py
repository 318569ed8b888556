"""The Model Context Protocol over streamable HTTP: the tools of `scalemt mcp`, for hosts that reach this server.

A request stands for itself: no session is kept, so that a server can be started again, or stand beside others,
without its clients noticing. Clients of the protocols up to 2025-11-25 are given the id of a session all the same,
which this server knows nothing of: with it they take calls back that they made in another request.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import mcp_types
from fastapi import APIRouter, FastAPI, Request
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from sse_starlette.sse import AppStatus
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse, Response

from scalemt.serve.keys import Caller
from scalemt.serve.mcp.running import CallKey, Running
from scalemt.serve.mcp.server import Context, build
from scalemt.serve.refusals import Refusal
from scalemt.serve.service import Service
from scalemt.serve.surfaces.base import Surface, authenticated, routes_of

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

router = APIRouter(route_class=routes_of("mcp"), include_in_schema=False)

_SESSION = "mcp-session-id"
_LONGEST = 128  # characters of an id of a session that is looked at
_CANCELLED = b'"notifications/cancelled"'
_LONGEST_CANCELLATION = 4_096  # bytes


class Exchange:
    """The protocol's server of one application.

    Args:
        service: does the work.
    """

    def __init__(self, service: Service) -> None:
        self._running = Running()
        # Its streams end with the call that they are for. The library would break them off at a SIGTERM at once,
        # and leave those without an answer who could still have one.
        AppStatus.enable_automatic_graceful_drain = False
        self.manager = StreamableHTTPSessionManager(
            build(service, _caller, self._running, _key),
            stateless=True,
            # Hosts and origins are looked at by `access.py`, sizes by `intake.py`.
            security_settings=None,
            max_request_body_size=service.settings.capacity.body,
        )

    def cancel(self, request: Request, body: bytes) -> None:
        """Break a call off, if that is what a message says."""
        if _CANCELLED not in body or len(body) > _LONGEST_CANCELLATION:
            return
        try:
            message = json.loads(body)
            number = message["params"]["requestId"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if message.get("method") == "notifications/cancelled":
            self._running.cancel(_key_of(request, number))


def _request(context: Context) -> Request:
    request: Request | None = context.request
    if request is None:
        raise RuntimeError("a message came by another way than HTTP")
    return request


def _caller(context: Context) -> Caller:
    caller: Caller = _request(context).state.mcp_caller
    return caller


def _key(context: Context) -> CallKey | None:
    request = _request(context)
    return _key_of(request, context.request_id) if _SESSION in request.headers else None


def _key_of(request: Request, number: object) -> CallKey:
    return CallKey(request.state.mcp_caller.name, request.headers.get(_SESSION, "")[:_LONGEST], str(number))


@router.post("/mcp")
async def exchange(request: Request) -> Response:
    """Take one message, and answer it."""
    request.state.mcp_caller = authenticated(request)
    server: Exchange = request.app.state.mcp
    body = await request.body()
    server.cancel(request, body)
    return _Answered(server.manager, body, _new_session(request))


@router.api_route("/mcp", methods=["GET", "DELETE"])
async def refuse(request: Request) -> Response:
    """Say that there are neither streams without a request here nor sessions that could be ended."""
    authenticated(request)
    fault = _fault(mcp_types.INVALID_REQUEST, "Send messages by POST. Nothing is told without a request.")
    return JSONResponse(fault, 405, {"Allow": "POST"})


def _new_session(request: Request) -> str | None:
    """Return the id of a session for a client that may want one, and has none."""
    version = request.headers.get("mcp-protocol-version")
    old = version is None or version in HANDSHAKE_PROTOCOL_VERSIONS
    return secrets.token_urlsafe(24) if old and _SESSION not in request.headers else None


class _Answered(Response):
    """The answer of the protocol's own code, which writes it by itself."""

    def __init__(self, manager: StreamableHTTPSessionManager, body: bytes, session: str | None) -> None:
        super().__init__()
        self._manager = manager
        self._taken = body
        self._session = session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": self._taken, "more_body": False}

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start" and self._session:
                MutableHeaders(scope=message).setdefault(_SESSION, self._session)
            await send(message)

        await self._manager.handle_request(scope, replay, marked)


def _fault(code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}


def fault_body(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """Return the body of a refusal, as JSON-RPC has it."""
    internal = refusal.status >= 500
    code = mcp_types.INTERNAL_ERROR if internal else mcp_types.INVALID_REQUEST
    fault = _fault(code, str(refusal))
    fault["error"]["data"] = {"type": refusal.kind, "request_id": request_id}
    return fault


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """Serve the protocol as long as the application runs."""
    app.state.mcp = Exchange(app.state.service)
    async with app.state.mcp.manager.run():
        yield


class _McpSurface(Surface):
    """Says how to send a key, where one is missing."""

    def answer(self, refusal: Refusal, request_id: str) -> Response:
        """Return the response of a refusal."""
        response = super().answer(refusal, request_id)
        if refusal.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="scalemt"'
        return response


surface = _McpSurface("mcp", "scalemt over MCP", router, fault_body, owns=("/mcp",), running=running)
