"""Refusals as OpenAI writes them (https://platform.openai.com/docs/guides/error-codes)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Response

from scalemt.serve.refusals import InvalidRequest, NotFound, Refusal
from scalemt.serve.surfaces.base import Surface

_SERVER = ("server_error", None)
# Type and code, by the kind of a refusal.
_KINDS: dict[str, tuple[str, str | None]] = {
    "invalid_request": ("invalid_request_error", None),
    "unauthorized": ("invalid_request_error", "invalid_api_key"),
    "forbidden": ("invalid_request_error", "insufficient_permissions"),
    "not_found": ("invalid_request_error", "not_found"),
    "timeout": ("invalid_request_error", "request_timeout"),
    "too_large": ("invalid_request_error", "request_too_large"),
    "busy": ("rate_limit_error", "server_overloaded"),
    "rate_limited": ("rate_limit_error", "rate_limit_exceeded"),
    "quota": ("insufficient_quota", "insufficient_quota"),
    "failed": ("server_error", "translation_failed"),
    "unavailable": ("server_error", "service_unavailable"),
    "deadline": ("server_error", "timeout"),
}


class UnknownModel(NotFound):
    """There is no such profile, or what stands behind its name is no direction."""

    code, param = "model_not_found", "model"


class NoDirection(InvalidRequest):
    """Nothing says into which language."""

    code, param = "missing_target", "target"


class NoText(InvalidRequest):
    """The messages hold nothing that can be translated."""

    code, param = "invalid_value", "messages"


class TooLong(InvalidRequest):
    """The text is longer than one request may be."""

    code, param = "context_length_exceeded", "messages"


def fault_body(refusal: Refusal, request_id: str = "") -> dict[str, Any]:
    """Return the body of a refusal; the id of the request goes into the head."""
    kind, code = _KINDS.get(refusal.kind, _SERVER)
    return {
        "error": {
            "message": str(refusal),
            "type": kind,
            "param": getattr(refusal, "param", None),
            "code": getattr(refusal, "code", code),
        }
    }


@dataclass(frozen=True)
class OpenAISurface(Surface):
    """The chat API: spent quotas have status 429, and are not tried again."""

    def answer(self, refusal: Refusal, request_id: str) -> Response:
        """Return the response of a refusal."""
        response = super().answer(refusal, request_id)
        if refusal.kind == "quota":
            response.headers["x-should-retry"] = "false"
        return response


def status_of(refusal: Refusal) -> int:
    """Return the HTTP status of a refusal."""
    return 429 if refusal.kind == "quota" else refusal.status
