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
from scalemt.serve.mcp.running import CallKey, Running
from scalemt.serve.mcp.tools import TOOLS, Answer, Call, Tool
from scalemt.serve.refusals import InvalidRequest, as_refusal
from scalemt.serve.service import Service
from scalemt.version import __version__

logger = logging.getLogger("scalemt.serve.mcp")

_REQUEST_CANCELLED = -32800  # as the SDK and the language server protocol have it

Context = ServerRequestContext[Any, Any]
Callers = Callable[[Context], Caller]
"""Tells who sent a message."""

_INSTRUCTIONS = (
    "scalemt translates texts: a specialist model drafts, a large language model refines where that is set up. "
    "Call translate with texts and a target language; the source is found out if you leave it out. "
    "list_languages tells what can be translated. When a person corrects a translation, keep it by add_to_memory."
)


def build(
    service: Service,
    caller_of: Callers,
    running: Running | None = None,
    key_of: Callable[[Context], CallKey | None] = lambda _: None,
) -> Server[dict[str, Any]]:
    """Return the server.

    Args:
        service: does the work.
        caller_of: tells who sent a message.
        running: told of the calls that are under way.
        key_of: what a call is known by there.
    """
    # What they write below that repeats the log of requests, and at its lowest level holds texts.
    for library in ("mcp", "sse_starlette"):
        logging.getLogger(library).setLevel(logging.WARNING)
    calls = running or Running()
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
        with calls.held(key_of(context)):
            return await _run(tool, Call(service, caller_of(context), context.session.report_progress), asked)
        raise MCPError(_REQUEST_CANCELLED, "The call was taken back.")

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


async def _run(tool: Tool, call: Call, asked: mcp_types.CallToolRequestParams) -> mcp_types.CallToolResult:
    """Call a tool; whatever goes wrong is told as its result."""
    try:
        call.caller.require(tool.scope)
        return _result(await tool.run(call, _arguments(tool, asked.arguments or {})))
    except Exception as fault:
        if not isinstance(fault, ScalemtError):
            logger.error("the tool %s failed", tool.name, exc_info=fault)
        return _failure(fault)


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
