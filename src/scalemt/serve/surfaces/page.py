"""The web page: its files, by a fixed table of names; nothing a caller says becomes part of a path."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from scalemt.serve.refusals import NotFound
from scalemt.serve.surfaces.base import Surface, routes_of
from scalemt.serve.surfaces.native import fault_body

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""The content security policy of the page: its own files, and nothing from a text, from data or from elsewhere."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # A browser asks each time, and is mostly told that nothing has changed: an upgrade is seen at once.
    "Cache-Control": "no-cache",
}

_FOLDER = Path(__file__).resolve().parent.parent / "web"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}

router = APIRouter(route_class=routes_of("page"), include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page, as it is sent."""

    body: bytes
    media_type: str
    tag: str


@cache
def assets() -> dict[str, Asset]:
    """Return the files of the page by name, read once a process."""
    files = sorted(path for path in _FOLDER.iterdir() if path.suffix in _TYPES)
    return {path.name: _asset(path) for path in files}


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(body, _TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:20]}"')


@router.api_route("/", methods=["GET", "HEAD"])
async def index(request: Request) -> Response:
    """Send the page."""
    return _sent(request, "index.html")


@router.api_route("/assets/{name}", methods=["GET", "HEAD"])
async def asset(request: Request, name: str) -> Response:
    """Send one file of the page."""
    return _sent(request, name)


def _sent(request: Request, name: str) -> Response:
    found = assets().get(name)
    if found is None:
        raise NotFound("The page has no file of that name. Open / for the page itself.")
    headers = HEADERS | {"ETag": found.tag}
    if _knows(request.headers.get("if-none-match", ""), found.tag):
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=found.media_type, headers=headers)


def _knows(held: str, tag: str) -> bool:
    """Whether a browser holds the file already (`If-None-Match`, RFC 9110, 13.1.2)."""
    tags = {part.strip().removeprefix("W/") for part in held.split(",")}
    return "*" in tags or tag in tags


surface = Surface("page", "scalemt page", router, fault_body, owns=("/assets",))
