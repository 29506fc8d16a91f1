"""The OpenAPI 3.1 description of a resource's data interface: ``GET /api/v1/data/<dept>/<resource>``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.contract.model import Contract, Property
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.codes import GRADE_NAMES, SHARE_TYPE_NAMES

LIMIT_DEFAULT, LIMIT_MAXIMUM = 100, 1000
SECURITY_SCHEME = "ApiKey"
FAULTS = {
    "400": "请求参数有误",
    "401": "缺少或无效的 API key",
    "403": "未获授权",
    "404": "资源不存在或未发布",
    "409": "授权的数据不能作为一个文件给出",
    "413": "请求体过大",
    "422": "请求的格式有误",
    "429": "请求过于频繁",
    "500": "服务内部错误",
    "503": "数据暂时无法读取",
}
READ_FAULTS = ("400", "401", "403", "404", "429", "500", "503")
_SCALARS: Mapping[str, Mapping[str, Any]] = {
    "varchar": {"type": "string"},
    "integer": {"type": "integer", "format": "int32"},
    "bigint": {"type": "integer", "format": "int64"},
    "double": {"type": "number", "format": "double"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?$"},
}


def resource_path(contract: Contract) -> str:
    """Return the path of a resource's data interface."""
    return f"/api/v1/data/{contract.dept}/{contract.resource}"


def resource_paths(contract: Contract, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return ``{"paths": …, "components": {"schemas": …, "securitySchemes": …, "responses": …}}`` of one resource.

    Rows of 不予共享 are not served: the path is left out. Components of several resources merge by key.
    """
    row = _schema_name(contract)
    paths = {} if contract.gov.share_type == 3 else {resource_path(contract): {"get": _operation(contract, vocabulary)}}
    schemas = {"Error": _error_schema()}
    if paths:
        schemas |= {
            row: _row_schema(contract, vocabulary),
            f"{row}_page": _page_schema(row),
            "PageInfo": _page_info(),
            "Meta": _meta(),
        }
    return {
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {SECURITY_SCHEME: {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
            "responses": {f"Fault{status}": _fault_response(text) for status, text in FAULTS.items()},
        },
    }


def openapi_document(contracts: Mapping[str, Contract], vocabulary: Vocabulary, *, version: str) -> dict[str, Any]:
    """Return one valid OpenAPI 3.1 document over all served resources."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": f"{vocabulary.city.name}政务数据服务接口", "version": version},
        "paths": {},
        "components": {"schemas": {}, "securitySchemes": {}, "responses": {}},
    }
    for key in sorted(contracts):
        part = resource_paths(contracts[key], vocabulary)
        document["paths"] |= part["paths"]
        for kind, held in part["components"].items():
            document["components"][kind] |= held
    return document


def _schema_name(contract: Contract) -> str:
    return f"{contract.dept}_{contract.resource}"


def _operation(contract: Contract, vocabulary: Vocabulary) -> dict[str, Any]:
    department = vocabulary.departments.get(contract.dept)
    return {
        "operationId": f"read_{_schema_name(contract)}",
        "summary": contract.name,
        "description": contract.description.purpose,
        "tags": [department.name if department else contract.dept],
        "security": [{SECURITY_SCHEME: []}],
        "parameters": [
            *(_filter(contract.property_named(name)) for name in contract.primary_key),
            *_paging(),
            *_basis(contract),
        ],
        "responses": {
            "200": {
                "description": "一页数据，按主键排序",
                "content": {"application/json": {"schema": _ref("schemas", f"{_schema_name(contract)}_page")}},
            },
            **{status: _ref("responses", f"Fault{status}") for status in READ_FAULTS},
        },
        "x-resource-code": contract.gov.resource_code,
        "x-share-type": SHARE_TYPE_NAMES[contract.gov.share_type],
        "x-grade": GRADE_NAMES[contract.grade],
        "x-contract-version": contract.version,
    }


def _filter(prop: Property) -> dict[str, Any]:
    return {
        "name": prop.name,
        "in": "query",
        "required": False,
        "description": f"按{prop.business_name}精确筛选",
        "schema": _value_schema(prop),
    }


def _paging() -> list[dict[str, Any]]:
    limit = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAXIMUM, "default": LIMIT_DEFAULT}
    return [
        {
            "name": "fields",
            "in": "query",
            "required": False,
            "description": "只返回这些数据项（逗号分隔）；缺省为全部（依申请授权的，为授权的全部）",
            "schema": {"type": "string", "minLength": 1},
        },
        {"name": "limit", "in": "query", "required": False, "description": "每页行数", "schema": limit},
        {
            "name": "page_token",
            "in": "query",
            "required": False,
            "description": "上一页答复中的 page.next_token，内容不透明",
            "schema": {"type": "string", "minLength": 1},
        },
    ]


def _basis(contract: Contract) -> list[dict[str, Any]]:
    """Return the header that names the application relied on; only what is shared under conditions has one."""
    if contract.gov.share_type != 2:
        return []
    return [
        {
            "name": "X-Application",
            "in": "header",
            "required": False,
            "description": "所依据的申请编号；有多份使用中的申请时用它指明",
            "schema": {"type": "string", "maxLength": 30},
        }
    ]


def _value_schema(prop: Property) -> dict[str, Any]:
    """Return the JSON schema of one value; decimals are strings, since JSON numbers lose digits."""
    options = prop.logical_type_options
    if prop.base_type == "decimal":
        precision, scale = prop.decimal_parameters
        fraction = rf"(\.\d{{1,{scale}}})?" if scale else ""
        whole = f"{{1,{precision - scale}}}" if precision > scale else "?"
        return {"type": "string", "pattern": rf"^-?\d{whole}{fraction}$"}
    schema: dict[str, Any] = dict(_SCALARS[prop.base_type])
    bounds: dict[str, float | int | None] = {"minimum": options.minimum, "maximum": options.maximum}
    if prop.base_type == "varchar":
        bounds = {"minLength": options.min_length, "maxLength": options.max_length}
    return schema | {name: value for name, value in bounds.items() if value is not None}


def _row_schema(contract: Contract, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the schema of a row; no column is required, since a request may choose its fields."""
    return {
        "type": "object",
        "title": contract.name,
        "properties": {prop.name: _column_schema(prop, vocabulary) for prop in contract.properties},
        "additionalProperties": False,
    }


def _column_schema(prop: Property, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the schema of a column in an answer. A masked value keeps no format, length or code list to promise."""
    codes = vocabulary.code_lists.get(prop.gov.code_list or "")
    schema: dict[str, Any] = {"type": "string"} if prop.gov.mask is not None else _value_schema(prop)
    if not prop.required:
        schema["type"] = [schema["type"], "null"]
    if codes is not None and prop.gov.mask is None:
        schema["enum"] = [*codes.values, *([] if prop.required else [None])]
    description = prop.description or prop.business_name
    if codes is not None:
        description += "（" + "；".join(f"{code} {label}" for code, label in codes.values.items()) + "）"
    return schema | {"title": prop.business_name, "description": description}


def _page_schema(row: str) -> dict[str, Any]:
    """Return the schema of an answer with rows."""
    return {
        "type": "object",
        "required": ["data", "page", "meta"],
        "properties": {
            "data": {"type": "array", "items": _ref("schemas", row)},
            "page": _ref("schemas", "PageInfo"),
            "meta": _ref("schemas", "Meta"),
        },
        "additionalProperties": False,
    }


def _page_info() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["next_token", "count", "snapshot"],
        "properties": {
            "next_token": {"type": ["string", "null"], "description": "没有下一页时为 null"},
            "count": {"type": "integer", "minimum": 0, "description": "本页行数"},
            "snapshot": {"type": "string", "description": "数据版本：整个翻页过程读同一版本"},
        },
        "additionalProperties": False,
    }


def _meta() -> dict[str, Any]:
    names = ("resource", "name", "resource_code", "provider", "grade", "contract_version")
    masked = {"type": "array", "items": {"type": "string"}, "description": "本次答复中被脱敏的数据项"}
    return {
        "type": "object",
        "required": [*names, "masked_fields"],
        "properties": {**{name: {"type": "string"} for name in names}, "masked_fields": masked},
        "additionalProperties": False,
    }


def _error_schema() -> dict[str, Any]:
    parts = ("code", "message", "hint", "request_id")
    return {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": list(parts),
                "properties": {part: {"type": "string"} for part in parts},
                "additionalProperties": False,
            }
        },
        "additionalProperties": False,
    }


def _fault_response(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": _ref("schemas", "Error")}}}


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}
