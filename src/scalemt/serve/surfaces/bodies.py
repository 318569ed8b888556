"""Bodies that may come as JSON, as a form, or in the query, as the APIs of others have it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from scalemt.serve.refusals import InvalidRequest

_Model = TypeVar("_Model", bound=BaseModel)

_MOST_FIELDS = 2_000
_FORM = "application/x-www-form-urlencoded"
_UPLOAD = "multipart/form-data"


class Fields:
    """What a request says, by name.

    Args:
        values: of a JSON object, or lists of what a form holds under each name.
        form: whether it came as a form or in the query: then all is text, and may stand there several times.
    """

    def __init__(self, values: Mapping[str, Any], *, form: bool) -> None:
        self.values = values
        self.form = form

    def first(self, name: str) -> str | None:
        """Return a text; of several the first, None where there is none or it is no text."""
        value = self.values.get(name)
        if self.form:
            value = value[0] if value else None
        return value if isinstance(value, str) else None

    def all(self, name: str) -> list[Any]:
        """Return what stands under a name, one or several times."""
        value = self.values.get(name, [])
        return value if isinstance(value, list) else [value]

    def data(self, several: Sequence[str] = ()) -> dict[str, Any]:
        """Return what a model is made of: of a form one text a name, but for those that may be several."""
        if not self.form:
            return dict(self.values)
        return {name: held if name in several else held[0] for name, held in self.values.items()}


async def read_fields(request: Request) -> Fields:
    """Return what a request says: in a body of either form, and what the body leaves out, in the query.

    Raises:
        InvalidRequest: the body is not what its type says, or of a type that is not read (status 415).
    """
    query = dict[str, list[Any]]()
    for name, value in request.query_params.multi_items():
        query.setdefault(name, []).append(value)
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not body.strip():
        return Fields(query, form=True)
    if kind == "application/json" or kind.endswith("+json"):
        values = _json(body)
        return Fields({name: held[0] for name, held in query.items()} | values, form=False)
    if kind == _FORM or not kind:
        return Fields(query | _form(body), form=True)
    if kind == _UPLOAD:
        return Fields(query | await _parts(request), form=True)
    refusal = InvalidRequest(f"Bodies of the type {kind[:80]} are not read here. Send JSON or a form.")
    refusal.status = 415
    raise refusal


def _json(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRequest("The body is no JSON, though its type says so. Mend it.") from None
    if not isinstance(values, dict):
        raise InvalidRequest("The body is JSON, but no object. Send the parameters by their names.")
    return values


def _form(body: bytes) -> dict[str, list[Any]]:
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise InvalidRequest(
            f"The form is not UTF-8, or has more than {_MOST_FIELDS:,} fields. Send fewer, or JSON."
        ) from None
    made = dict[str, list[Any]]()
    for name, value in pairs:
        # Forms end lines as the network does (RFC 2046, 4.1.1); nobody meant that to be translated.
        made.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return made


async def _parts(request: Request) -> dict[str, list[Any]]:
    form = await request.form(max_files=8, max_fields=_MOST_FIELDS)
    made = dict[str, list[Any]]()
    for name, value in form.multi_items():
        held = value if isinstance(value, UploadFile) else value.replace("\r\n", "\n")
        made.setdefault(name, []).append(held)
    return made


def validated(model: type[_Model], data: Mapping[str, Any]) -> _Model:
    """Return a model made of what a request says.

    Raises:
        RequestValidationError: as the framework does for bodies that it reads itself.
    """
    try:
        return model.model_validate(data)
    except ValidationError as fault:
        raise RequestValidationError(fault.errors(include_url=False, include_context=False)) from None


def either_body(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """Return the `openapi_extra` of a route whose body may be JSON or a form."""
    schema = _inlined(model.model_json_schema())
    content = {"application/json": {"schema": schema}, _FORM: {"schema": schema}}
    return {"requestBody": {"required": required, "content": content}}


def upload_body(model: type[BaseModel]) -> dict[str, Any]:
    """Return the `openapi_extra` of a route that takes a file beside the fields of a model."""
    schema = _inlined(model.model_json_schema())
    schema["properties"]["file"] = {"type": "string", "format": "binary"}
    schema["required"] = [*schema.get("required", []), "file"]
    return {"requestBody": {"required": True, "content": {_UPLOAD: {"schema": schema}}}}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with its definitions where they are used: nothing resolves references into a body's own."""
    definitions = schema.pop("$defs", {})

    def inline(value: Any) -> Any:
        if isinstance(value, list):
            return [inline(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return inline(definitions[value["$ref"].rpartition("/")[2]])
        return {name: inline(held) for name, held in value.items()}

    made: dict[str, Any] = inline(schema)
    return made
