"""The server of the Model Context Protocol: lists the tools, calls them, and tells of failures in sentences."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

import mcp_types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, ValidationError

from scalemt.errors import ScalemtError
from scalemt.serve.keys import Caller
from scalemt.serve.mcp.models import Arguments
from scalemt.serve.mcp.tools import TOOLS, Answer, Call, Tool
from scalemt.serve.refusals import InvalidRequest, as_refusal
from scalemt.serve.service import Service
from scalemt.version import __version__

logger = logging.getLogger("scalemt.serve.mcp")

Context = ServerRequestContext[Any, Any]
Callers = Callable[[Context], Caller]
"""Tells who sent a message."""

_INSTRUCTIONS = (
    "scalemt translates texts: a specialist model drafts, a large language model refines where that is set up. "
    "Call translate with texts and a target language; the source is found out if you leave it out. "
    "list_languages tells what can be translated. When a person corrects a translation, keep it by add_to_memory."
)


def build(service: Service, caller_of: Callers) -> Server[dict[str, Any]]:
    """Return the server.

    Args:
        service: does the work.
        caller_of: tells who sent a message.
    """
    by_name = {tool.name: tool for tool in TOOLS}
    schemas = {tool.name: _input_schema(tool, service) for tool in TOOLS}

    async def list_tools(context: Context, _: object) -> mcp_types.ListToolsResult:
        caller = caller_of(context)
        allowed = [tool for tool in TOOLS if tool.scope in caller.scopes]
        return mcp_types.ListToolsResult(tools=[_described(tool, schemas[tool.name]) for tool in allowed])

    async def call_tool(context: Context, asked: mcp_types.CallToolRequestParams) -> mcp_types.CallToolResult:
        tool = by_name.get(asked.name)
        if tool is None:
            choices = ", ".join(sorted(by_name))
            raise MCPError(
                mcp_types.INVALID_PARAMS, f"There is no tool {asked.name[:60]!r}. Valid choices: {choices}."
            )
        try:
            caller = caller_of(context)
            caller.require(tool.scope)
            arguments = _arguments(tool, asked.arguments or {})
            return _result(await tool.run(Call(service, caller, context.session.report_progress), arguments))
        except Exception as fault:
            if not isinstance(fault, ScalemtError):
                logger.error("the tool %s failed", tool.name, exc_info=fault)
            return _failure(fault)

    return Server(
        "scalemt",
        version=__version__,
        title="scalemt",
        description="Translation by two models: one drafts, one refines.",
        instructions=_INSTRUCTIONS,
        get_tool_input_schema=schemas.get,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _described(tool: Tool, schema: dict[str, Any]) -> mcp_types.Tool:
    return mcp_types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=schema,
        output_schema=_schema(tool.result, "serialization"),
        annotations=mcp_types.ToolAnnotations(
            title=tool.title,
            read_only_hint=tool.reads,
            destructive_hint=False,
            idempotent_hint=tool.repeats,
            open_world_hint=False,
        ),
    )


def _input_schema(tool: Tool, service: Service) -> dict[str, Any]:
    """Return the schema of a tool's arguments, with the profiles that are served."""
    schema = _schema(tool.arguments, "validation")
    profile = schema["properties"].get("profile") if "properties" in schema else None
    if profile:
        names = list(service.settings.profiles)
        profile["description"] = f"{profile['description']} One of: {', '.join(names)}."
    return schema


def _schema(model: type[BaseModel], mode: Any) -> dict[str, Any]:
    schema: dict[str, Any] = _untitled(model.model_json_schema(mode=mode))
    schema.pop("description", None)
    return schema


def _untitled(value: Any) -> Any:
    """Return a schema without the titles that say the names of fields again: each word of it is paid for."""
    if isinstance(value, dict):
        return {key: _untitled(item) for key, item in value.items() if key != "title" or not isinstance(item, str)}
    return [_untitled(item) for item in value] if isinstance(value, list) else value


def _arguments(tool: Tool, given: dict[str, Any]) -> Arguments:
    """Return the arguments of a call.

    Raises:
        InvalidRequest: they are not as the schema says; what stands in them is not repeated.
    """
    try:
        json.dumps(given, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        raise InvalidRequest("The arguments hold half of a surrogate pair, or are nested too deep.") from None
    try:
        return tool.arguments.model_validate(given)
    except ValidationError as fault:
        raise InvalidRequest(
            f"The arguments of {tool.name} are not as expected. {_sentences(fault.errors(include_input=False))}"
        ) from None


def _sentences(faults: Iterable[Any]) -> str:
    told = [f"{'.'.join(map(str, fault['loc'])) or 'they'}: {fault['msg']}" for fault in faults]
    return "; ".join(told[:5]) + "."


def _result(answer: Answer) -> mcp_types.CallToolResult:
    return mcp_types.CallToolResult(
        content=[mcp_types.TextContent(text=text) for text in answer.texts],
        structured_content=answer.data.model_dump(mode="json"),
    )


def _failure(fault: Exception) -> mcp_types.CallToolResult:
    """Return a failure that the language model reads, and can do better next time."""
    refusal = as_refusal(fault)
    text = str(refusal)
    if refusal.retry_after is not None:
        text = f"{text} (Try again in {refusal.headers['Retry-After']} seconds.)"
    return mcp_types.CallToolResult(content=[mcp_types.TextContent(text=text)], is_error=True)
