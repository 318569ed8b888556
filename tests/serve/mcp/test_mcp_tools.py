"""The tools by themselves, without workers: what they say of themselves, and how they refuse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # of the MCP client
from mcp import Client, MCPError
from mcp_types import CallToolResult

from scalemt.config import Configuration
from scalemt.serve.keys import Caller
from scalemt.serve.mcp.server import build
from scalemt.serve.mcp.tools import TOOLS
from scalemt.serve.service import Service
from scalemt.serve.settings import Limits, ServeSettings

ALL = frozenset({"translate", "memory", "memory:write", "glossaries", "evaluate"})
TERM = {"source": "kettle", "target": "chaleira"}
Use = Callable[[Client], Awaitable[Any]]


def _service(folder: Path) -> Service:
    profile = Configuration().profile("fast", specialists=["bergamot"])
    return Service(ServeSettings({"fast": profile}, state=folder))


def _caller(scopes: frozenset[str]) -> Caller:
    return Caller("somebody", scopes, Limits())


def _use(folder: Path, use: Use, scopes: frozenset[str] = ALL, mode: str = "auto") -> Any:
    """Call tools in this process, as somebody whose key has some scopes."""

    async def work() -> Any:
        service = _service(folder)
        try:
            async with Client(build(service, lambda _: _caller(scopes)), mode=mode) as client:
                return await use(client)
        finally:
            service.quotas.close()

    return asyncio.run(work())


def _text(result: CallToolResult) -> str:
    return "\n".join(getattr(block, "text", "") for block in result.content)


async def _listed(client: Client) -> Any:
    return (await client.list_tools()).tools


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_tools_describe_themselves(tmp_path: Path, mode: str) -> None:
    tools = {tool.name: tool for tool in _use(tmp_path, _listed, mode=mode)}
    assert list(tools) == [
        "translate", "explain", "detect_language", "list_languages", "search_memory", "add_to_memory",
        "list_glossaries", "create_glossary", "glossary_entries", "evaluate",
    ]  # fmt: skip
    for tool in tools.values():
        assert tool.title
        assert tool.description
        for schema in (tool.input_schema, tool.output_schema):
            assert schema["type"] == "object"
            Draft202012Validator.check_schema(schema)
            assert '"title"' not in json.dumps(schema)
        assert tool.input_schema["additionalProperties"] is False
        undescribed = [
            name for name, field in tool.input_schema["properties"].items() if "description" not in field
        ]
        assert undescribed in ([], ["name"])
    writing = {name for name, tool in tools.items() if not tool.annotations.read_only_hint}
    assert writing == {"add_to_memory", "create_glossary"}
    assert not any(tool.annotations.destructive_hint for tool in tools.values())
    assert tools["translate"].input_schema["required"] == ["texts", "target"]
    assert "One of: fast." in tools["translate"].input_schema["properties"]["profile"]["description"]


def test_a_key_sees_the_tools_that_it_may_call(tmp_path: Path) -> None:
    seen = {tool.name for tool in _use(tmp_path, _listed, frozenset({"translate"}))}
    assert seen == {"translate", "explain", "detect_language", "list_languages"}
    assert {tool.scope for tool in TOOLS} == ALL

    async def evaluate(client: Client) -> CallToolResult:
        return await client.call_tool("evaluate", {"hypotheses": ["a"], "references": ["a"]})

    refused = _use(tmp_path, evaluate, frozenset({"translate"}))
    assert refused.is_error
    assert "lacks the scope evaluate" in _text(refused)


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("translate", {}, "texts: Field required; target: Field required"),
        ("translate", {"texts": [], "target": "pt"}, "texts: "),
        ("translate", {"texts": ["a"], "target": "pt", "colour": "blue"}, "colour: Extra inputs"),
        ("translate", {"texts": ["a"], "target": ""}, "target: "),
        ("translate", {"texts": [1], "target": "pt"}, "texts.0: "),
        ("translate", {"texts": ["a"], "target": "pt", "formality": "rude"}, "formality: "),
        ("translate", {"texts": ["a"], "target": "pt", "profile": "none"}, "Valid choices: fast"),
        ("translate", {"texts": ["a"], "target": "pt", "glossary": "none"}, "no glossary"),
        ("translate", {"texts": ["a"] * 1001, "target": "pt"}, "may hold 1,000"),
        ("translate", {"texts": ["word " * 20_000], "target": "pt"}, "may hold 50,000"),
        ("translate", {"texts": ["half \ud800"], "target": "pt"}, "surrogate"),
        ("search_memory", {"text": "a"}, "both source and target"),
        ("search_memory", {"text": "a", "source": "en", "target": "pt"}, "no memory"),
        ("search_memory", {"text": "a", "mode": "containing"}, "no memory"),
        ("search_memory", {"text": "a", "limit": 0}, "limit: "),
        ("add_to_memory", {"source_text": "", "translation": "b", "source": "en", "target": "pt"}, "source_text"),
        ("create_glossary", {"name": "g", "source": "en", "target": "pt", "entries": []}, "entries: "),
        ("create_glossary", {"name": "g", "source": "en", "target": "en", "entries": [TERM]}, "two languages"),
        ("create_glossary", {"name": "g", "source": "e?", "target": "pt", "entries": [TERM]}, "Unknown language"),
        ("glossary_entries", {"glossary": "../../etc/passwd"}, "no glossary of that id"),
        ("evaluate", {"hypotheses": ["a"], "references": ["a"], "metrics": ["comet"]}, "metrics.0: "),
    ],
)  # fmt: skip
def test_failures_are_sentences(tmp_path: Path, name: str, arguments: dict[str, Any], says: str) -> None:
    async def call(client: Client) -> CallToolResult:
        return await client.call_tool(name, arguments)

    result = _use(tmp_path, call)
    assert result.is_error
    assert result.structured_content is None
    assert says in _text(result)
    assert "Traceback" not in _text(result)


def test_an_unknown_tool_is_a_fault_of_the_protocol(tmp_path: Path) -> None:
    async def call(client: Client) -> str:
        with pytest.raises(MCPError, match=r"There is no tool 'dance'. Valid choices: add_to_memory") as caught:
            await client.call_tool("dance", {})
        return str(caught.value.error.code)

    assert _use(tmp_path, call) == "-32602"


def test_a_fault_of_our_own_tells_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> CallToolResult:
        service = _service(tmp_path)
        service.shelf = None  # type: ignore[assignment]
        try:
            async with Client(build(service, lambda _: _caller(ALL))) as client:
                return await client.call_tool("list_glossaries", {})
        finally:
            service.quotas.close()

    result = asyncio.run(work())
    assert result.is_error
    assert _text(result).startswith("The server met a fault of its own")
    assert "the tool list_glossaries failed" in caplog.text


def test_glossaries_are_made_and_shown(tmp_path: Path) -> None:
    async def work(client: Client) -> None:
        empty = await client.call_tool("list_glossaries", {})
        assert empty.structured_content == {"glossaries": []}
        terms = [{"source": "kettle", "target": "chaleira"}, {"source": "to brew", "target": "infundir"}]
        made = await client.call_tool(
            "create_glossary", {"name": "tea", "source": "en", "target": "pt", "entries": terms}
        )
        assert made.structured_content is not None
        number = made.structured_content["id"]
        assert number in _text(made)
        listed = await client.call_tool("list_glossaries", {})
        assert listed.structured_content == {"glossaries": [made.structured_content]}
        shown = await client.call_tool("glossary_entries", {"glossary": number})
        assert shown.structured_content == {"entries": terms}
        assert _text(shown) == "kettle = chaleira\nto brew = infundir"

    _use(tmp_path, work)
