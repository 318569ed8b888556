"""What happens around each request: an id, one line in the log, counters, safe heads, and who may call from where.

The log holds no text, no key and no query: of a request its id, method, route, status, size and time, and the name
of the key.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import re
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders

from scalemt.serve.intake import Answer
from scalemt.serve.meters import Meters
from scalemt.serve.refusals import Forbidden, Refusal, Unavailable, as_refusal
from scalemt.serve.settings import ServeSettings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("scalemt.serve.access")

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_ALLOWED = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-API-Key",
    "Access-Control-Expose-Headers": "Mcp-Session-Id, Retry-After, WWW-Authenticate, X-Request-ID",
    "Access-Control-Max-Age": "600",
}
_HEADS = re.compile(r"[A-Za-z0-9-]+(?: *, *[A-Za-z0-9-]+){0,99}")


class Access:
    """The outermost middleware.

    Args:
        app: what serves.
        settings: which origins and hosts are known.
        meters: count.
        answer: makes the response of a refusal.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, meters: Meters, answer: Answer) -> None:
        self._app = app
        self._settings = settings
        self.meters = meters
        self._answer = answer
        self._is_own = lru_cache(256)(self._is_own_name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        number = given if _ID.fullmatch(given) else os.urandom(8).hex()
        scope.setdefault("state", {})["request_id"] = number
        watched = _Watched(send, number, self._cors(headers))
        began = time.perf_counter()
        self.meters.open.inc()
        try:
            self._require_known(headers)
            if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
                await _preflight(scope, receive, watched.send)
            else:
                await self._app(scope, receive, watched.send)
        except Exception as fault:
            await self._failed(fault, scope, receive, watched)
        except asyncio.CancelledError:
            # Only the end of the server does that: a client that goes ends what stands below.
            await self._failed(Unavailable("The server is ending. Try again soon.", 5.0), scope, receive, watched)
        finally:
            self.meters.open.dec()
            self._note(scope, watched, time.perf_counter() - began)

    async def _failed(self, fault: Exception, scope: Scope, receive: Receive, watched: _Watched) -> None:
        refusal = as_refusal(fault)
        if not isinstance(fault, Refusal):
            logger.error("request %s failed", scope["state"]["request_id"], exc_info=fault)
        if watched.status:
            raise fault  # half an answer is out: the connection ends, so that nobody takes it for a whole one
        response = self._answer(scope, refusal)
        # What was not read of the body would be taken for the next request.
        response.headers["Connection"] = "close"
        await response(scope, receive, watched.send)

    def _require_known(self, headers: Headers) -> None:
        """Refuse pages elsewhere that reach for this server, also by a name of their own (DNS rebinding)."""
        origin = headers.get("origin")
        host = headers.get("host", "")
        if origin and not self._is_allowed(origin) and urlsplit(origin).netloc.lower() != host.lower():
            raise Forbidden(
                "Pages of another origin may not call this server. Allow this one: scalemt serve --allow-origin"
            )
        if self._settings.key_file is None and not self._is_own(host):
            raise Forbidden("This server is not called so. Allow the name with: scalemt serve --allow-host NAME")

    def _is_own_name(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        known = {"localhost", self._settings.host.lower(), *(item.lower() for item in self._settings.hosts)}
        return name in known or name.endswith(".localhost") or _is_address(name)

    def _is_allowed(self, origin: str) -> bool:
        return "*" in self._settings.origins or origin in self._settings.origins

    def _cors(self, headers: Headers) -> dict[str, str]:
        origin = headers.get("origin")
        if not origin or not self._is_allowed(origin):
            return {}
        allowed = {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **_ALLOWED}
        # Libraries send heads of their own (X-Stainless-Lang, Mcp-Protocol-Version); a page that is let in may.
        if _HEADS.fullmatch(asked := headers.get("access-control-request-headers", "")):
            allowed["Access-Control-Allow-Headers"] = asked
        return allowed

    def _note(self, scope: Scope, watched: _Watched, seconds: float) -> None:
        route = _route_of(scope)
        surface = scope["state"].get("surface", "none")
        status = watched.status or 499  # nginx's number for a client that went before the answer
        self.meters.request(surface, route, status, seconds)
        logger.info(
            "request",
            extra={
                "request_id": scope["state"]["request_id"],
                "method": scope["method"],
                "route": route,
                "surface": surface,
                "status": status,
                "milliseconds": round(1000 * seconds, 1),
                "sent_bytes": watched.size,
                "caller": scope["state"].get("caller", ""),
            },
        )


class _Watched:
    """Passes on what is sent, with more heads; knows the status and the size."""

    def __init__(self, send: Send, number: str, heads: dict[str, str]) -> None:
        self._send = send
        self._heads: Iterable[tuple[str, str]] = [*_SAFE.items(), ("X-Request-ID", number)]
        self._cors = heads
        self.status = 0
        self.size = 0

    async def send(self, message: Message) -> None:
        """Send one message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._heads:
                headers.setdefault(name, value)
            for name, value in self._cors.items():
                headers[name] = value
            if self._cors:
                headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        await self._send(message)


def _route_of(scope: Scope) -> str:
    """Return the address of a route, with the names of its parameters: what they stand for a client has chosen."""
    found = scope.get("route")
    if found is None:
        return "none"
    parts = scope["path"].split("/")
    for name, value in scope.get("path_params", {}).items():
        if str(value) not in parts:
            return str(getattr(found, "path", "none"))
        parts[parts.index(str(value))] = f"{{{name}}}"
    return "/".join(parts)


async def _preflight(scope: Scope, receive: Receive, send: Send) -> None:
    from starlette.responses import Response

    await Response(status_code=204)(scope, receive, send)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
