"""The OpenAPI 3.1 description of everything under ``/api/v1``: the data from the contracts, the catalogue from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.api.data_file import MEDIA_TYPES
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.openapi import SECURITY_SCHEME, resource_paths

API_VERSION = "1.0.0"
CATALOGUE_TAG = "数据目录"
_OBJECT = {"type": "object"}


def openapi(contracts: Mapping[str, Contract], vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the whole document; resources that are 不予共享 have no path."""
    components: dict[str, Any] = {}
    paths: dict[str, Any] = _catalogue_paths()
    for key in sorted(contracts):
        part = resource_paths(contracts[key], vocabulary)
        for kind, held in part["components"].items():
            components.setdefault(kind, {}).update(held)
        paths |= part["paths"]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{vocabulary.city.name}政务数据服务接口",
            "version": API_VERSION,
            "description": "每个可共享的数据资源一个接口：按主键筛选，按主键排序，翻页始终读同一数据版本。",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": components,
    }


def _catalogue_paths() -> dict[str, Any]:
    text = {"type": "string"}
    dept_resource = [{"name": n, "in": "path", "required": True, "schema": text} for n in ("dept", "resource")]
    query = [{"name": "q", "in": "query", "schema": text, "description": "名称、信息项、部门、代码，支持拼音"}]
    number = [{"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1}, "description": "页码"}]
    one = [{"name": "resource", "in": "query", "schema": text, "description": "只看一个资源，如 gaj.resident"}]
    table = {
        "name": "table",
        "in": "query",
        "required": True,
        "schema": text,
        "description": "如 population.dim_person",
    }
    return {
        "/api/v1/catalogue": _get("list_catalogue", "查询数据目录", query + number),
        "/api/v1/catalogue/{dept}/{resource}": _get("read_catalogue_entry", "读取一个目录条目", dept_resource, "404"),
        "/api/v1/lineage": {
            **_get("read_lineage", "一张表的血缘：已发布的表级、字段级血缘，和引擎上报的血缘", [table], "422"),
            "post": _send_lineage(),
        },
        "/api/v1/data/{dept}/{resource}/file": _take_file(dept_resource),
        "/api/v1/outcomes": _get("list_outcomes", "各批次的接收结果", one + number),
    }


def _get(operation: str, summary: str, parameters: list[dict[str, Any]], *faults: str) -> dict[str, Any]:
    answers: dict[str, Any] = {"200": {"description": "成功", "content": {"application/json": {"schema": _OBJECT}}}}
    answers |= {status: {"$ref": f"#/components/responses/Fault{status}"} for status in (*faults, "429", "500")}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "tags": [CATALOGUE_TAG],
            "security": [],
            "parameters": parameters,
            "responses": answers,
        }
    }


def _take_file(dept_resource: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the path at which a department takes all that it was granted as one file (批量交换)."""
    text = {"type": "string"}
    form = {"type": "string", "enum": list(MEDIA_TYPES), "default": "csv"}
    named = {"name": "X-Application", "in": "header", "schema": {**text, "maxLength": 30}}
    asked = [
        *dept_resource,
        {"name": "format", "in": "query", "schema": form, "description": "文件格式"},
        {**named, "description": "所依据的申请编号；有多份使用中的申请时用它指明"},
    ]
    path = _get("take_file", "凭批量交换的授权取走整个文件", asked, "400", "401", "403", "404", "409", "503")
    path["get"]["security"] = [{SECURITY_SCHEME: []}]
    content = {media.partition(";")[0]: {"schema": {**text, "format": "binary"}} for media in MEDIA_TYPES.values()}
    path["get"]["responses"]["200"] = {
        "description": "授权的全部数据项和数据行，脱敏与数据接口相同",
        "content": content,
    }
    return path


def _send_lineage() -> dict[str, Any]:
    """Return the operation that engines send OpenLineage events to."""
    event = {"application/json": {"schema": {**_OBJECT, "description": "OpenLineage 2-0-2 RunEvent"}}}
    answer = {"content": {"application/json": {"schema": _OBJECT}}}
    return {
        "operationId": "send_lineage",
        "summary": "接收 OpenLineage 运行事件（大数据局的平台发送）",
        "tags": [CATALOGUE_TAG],
        "security": [{SECURITY_SCHEME: []}],
        "requestBody": {"required": True, "content": event},
        "responses": {
            "201": {"description": "已接收", **answer},
            "200": {"description": "此前已接收过", **answer},
            **{
                s: {"$ref": f"#/components/responses/Fault{s}"}
                for s in ("400", "401", "403", "413", "422", "429", "500")
            },
        },
    }
