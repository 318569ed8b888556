"""What tests of the tools do, whatever carries the protocol."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from mcp import Client
from mcp_types import CallToolResult


def text_of(result: CallToolResult) -> str:
    """All texts of a result."""
    return "\n".join(getattr(block, "text", "") for block in result.content)


def fresh(count: int) -> list[str]:
    """Texts that no cache holds."""
    return [f"The house with the number {uuid4().hex[:6]} was sold to {n} people." for n in range(count)]


async def use_all_tools(client: Client) -> None:
    """Call each tool, and look at what it says and gives."""
    found = await client.call_tool(
        "translate", {"texts": ["The house is blue.", "The cat sleeps.\n\nThe house is blue."], "target": "pt"}
    )
    assert [getattr(block, "text", "") for block in found.content] == [
        "A casa é azul.",
        "O gato dorme.\n\nA casa é azul.",
    ]
    told = _data(found)
    assert (told["source"], told["target"], told["detected"]["name"]) == ("en", "pt", "English")
    assert [item["translation"] for item in told["translations"]] == [
        "A casa é azul.",
        "O gato dorme.\n\nA casa é azul.",
    ]

    asked = {"text": "The kettle is old.", "source": "en", "target": "pt", "context": ["We had tea."]}
    found = await client.call_tool("explain", asked)
    told = _data(found)
    assert told["pair"] == ["en", "pt"]
    assert told["detected"] is None
    assert all(0 < word["confidence"] <= 1 for word in told["draft"]["words"])
    assert text_of(found).startswith("source: The kettle is old.\ndraft: ")
    assert f"translation: {told['translation']}" in text_of(found)

    found = await client.call_tool("detect_language", {"text": "O gato dorme na casa azul da minha avó."})
    assert _data(found)["languages"][0]["language"] == "pt"
    assert text_of(found).startswith("Portuguese (pt) ")

    found = await client.call_tool("list_languages", {})
    assert {"code": "en", "name": "English", "targets": ["pt"]} in _data(found)["languages"]
    assert "English (en) -> Portuguese (pt)" in text_of(found)

    terms = [{"source": "house", "target": "moradia"}]
    made = _data(
        await client.call_tool("create_glossary", {"name": "g", "source": "en", "target": "pt", "entries": terms})
    )
    found = await client.call_tool(
        "explain", {"text": "The house is blue.", "target": "pt", "glossary": made["id"]}
    )
    assert [(term["source"], term["target"]) for term in _data(found)["terms"]] == [("house", "moradia")]

    found = await client.call_tool(
        "evaluate", {"hypotheses": ["a casa é azul", "x"], "references": ["a casa é azul", "y"]}
    )
    score = _data(found)["scores"][0]
    assert score["metric"] == "chrF++"
    assert 0 <= score["low"] <= score["score"] <= score["high"] <= 100
    assert score["signature"] in text_of(found)


async def use_the_memory(client: Client) -> None:
    """Keep a correction, find it, and see that it is used."""
    word = uuid4().hex[:8]
    unit = {
        "source_text": f"Press {word} to brew.",
        "translation": f"Carregue em {word} para infundir.",
        "source": "en",
        "target": "pt",
    }
    assert _data(await client.call_tool("add_to_memory", {**unit, "note": "by hand"})) == {"kept": True}
    found = await client.call_tool(
        "search_memory", {"text": f"Press {word} to brew", "source": "en", "target": "pt"}
    )
    best = _data(found)["units"][0]
    assert best["target"] == unit["translation"]
    assert best["score"] > 80
    found = await client.call_tool("search_memory", {"text": word, "mode": "containing"})
    assert [item["source"] for item in _data(found)["units"]] == [unit["source_text"]]
    found = await client.call_tool("translate", {"texts": unit["source_text"], "target": "pt", "source": "en"})
    assert text_of(found) == unit["translation"]


def _data(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, text_of(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content
