"""The part of OpenAI's API that a translator can serve: models, and chat completions.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from scalemt.serve.surfaces.openai.chat import router
from scalemt.serve.surfaces.openai.faults import OpenAISurface, fault_body, status_of

surface = OpenAISurface(
    "openai",
    "scalemt as OpenAI's API",
    router,
    fault_body,
    # What clients of OpenAI ask for besides is refused in the form that they read.
    owns=("/v1/models", "/v1/chat", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/openai"),
    document="/v1/openai/openapi.json",
    status=status_of,
)
