"""The OpenAPI 3.1 document of the house, from the catalog."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from ondol import catalog
from ondol.kernel.content import Content
from ondol.kernel.operation import Operation

REFERENCE = "#/components/schemas/{name}"


def document() -> dict[str, Any]:
    """Every operation and the schemas of all it takes and gives; struct names are schema names."""
    found = list(catalog.OPERATIONS.values())
    events = sorted({answer.event.__name__: answer.event for answer in catalog.REACTIONS.values()}.items())
    wanted = [operation.request for operation in found]
    wanted += [operation.response for operation in found if operation.response is not Content]
    schemas, components = msgspec.json.schema_components(wanted, ref_template=REFERENCE)
    responses = dict(zip([f.name for f in found if f.response is not Content], schemas[len(found) :], strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in found:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _entry(
            operation, components, responses.get(operation.name)
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ondol", "version": "1", "description": "One fire, every room warm."},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(components.items()))},
        "x-events": [name for name, _ in events],
    }


def _entry(operation: Operation, components: dict[str, Any], response: dict[str, Any] | None) -> dict[str, Any]:
    fields = components[operation.request.__name__].get("properties", {})
    required = components[operation.request.__name__].get("required", [])
    in_path = operation.path_fields
    parameters = [
        {"name": name, "in": "path" if name in in_path else "query", "schema": fields[name]}
        | ({"required": True} if name in in_path or name in required else {})
        for name in fields
        if name in in_path or operation.method in ("GET", "DELETE")
    ]
    entry: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": inspect.getdoc(operation.function) or "",
        "tags": [operation.name.partition(".")[0]],
        "x-scope": operation.scope,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "Done.",
                "content": {"application/json": {"schema": response}}
                if response is not None
                else {"application/octet-stream": {}},
            }
        },
    }
    body = {name: schema for name, schema in fields.items() if name not in in_path}
    if operation.method in ("POST", "PUT") and body:
        schema = {"type": "object", "properties": body, "required": [n for n in required if n in body]}
        entry["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return entry
