"""What the OpenAPI documents of LibreTranslate, DeepL and OpenAI say, tried with requests made from them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy, booleans
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

pytestmark = pytest.mark.slow

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_KNOWN = {"source": "en", "target": "pt", "source_lang": "EN", "target_lang": "PT-BR", "model": "fast"}
_SETTINGS = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def _try_all(address: str) -> list[str]:
    """Send requests of each operation, valid and invalid, and return which operations there are."""
    document = schemathesis.openapi.from_url(address)
    tried = []
    operations: Any = document.get_all_operations()
    for found in operations:
        operation = found.ok()
        tried.append(operation.label)
        for mode in GenerationMode:
            strategy = operation.as_strategy(generation_mode=mode)
            _try(strategy)
    return tried


def _try(strategy: SearchStrategy[Any]) -> None:
    @_SETTINGS
    @given(case=strategy, known=booleans())
    def send(case: Any, known: bool) -> None:
        if known and isinstance(case.body, dict):
            # Of languages made up no text would ever be translated.
            case.body |= {name: code for name, code in _KNOWN.items() if isinstance(case.body.get(name), str)}
        case.call_and_validate(checks=_CHECKS)

    with suppress(Unsatisfiable):  # nothing of an operation without parameters can be wrong
        send()


def test_libretranslate(open_server: str) -> None:
    tried = _try_all(f"{open_server}/spec")
    assert "POST /translate" in tried
    assert len(tried) == 7


def test_deepl(open_server: str) -> None:
    tried = _try_all(f"{open_server}/v2/openapi.json")
    assert "POST /v2/translate" in tried
    assert len(tried) == 20


def test_openai(open_server: str) -> None:
    tried = _try_all(f"{open_server}/v1/openai/openapi.json")
    assert tried == ["GET /v1/models", "GET /v1/models/{model}", "POST /v1/chat/completions"]


def test_native(open_server: str) -> None:
    tried = _try_all(f"{open_server}/v1/openapi.json")
    assert "POST /v1/translate" in tried
    assert len(tried) >= 18


def test_all_surfaces_together(open_server: str) -> None:
    """Operations have no document of their own."""
    document = schemathesis.openapi.from_url(f"{open_server}/openapi.json")
    operations: Any = document.get_all_operations()
    labels = [found.ok().label for found in operations]
    assert {"GET /health", "GET /ready", "GET /metrics", "POST /v1/translate", "POST /v2/translate"} <= set(labels)
    for path in ("/health", "/ready", "/metrics"):
        for mode in GenerationMode:
            _try(document[path]["GET"].as_strategy(generation_mode=mode))
