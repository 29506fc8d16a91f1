"""A request for rows, read from its query string: whatever the interface does not have is refused with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.access.decide import ARTICLE_25
from catalog.api.errors import ApiError
from catalog.api.values import typed
from catalog.contract.model import Contract
from catalog.derive.openapi import LIMIT_DEFAULT, LIMIT_MAXIMUM

RESERVED = frozenset({"limit", "page_token", "fields"})
SHOWN_CHARACTERS = 120  # of a stranger's input, in a message


@dataclass(frozen=True)
class DataRequest:
    """One request for rows: equality ``filters`` on key columns, shown ``fields``, page size and place."""

    filters: Mapping[str, Any]
    fields: tuple[str, ...]
    limit: int
    page_token: str | None

    @classmethod
    def parse(
        cls, contract: Contract, query: Mapping[str, Sequence[str]], granted: frozenset[str] | None = None
    ) -> DataRequest:
        """Read query parameters; ``granted`` are the columns that may be read or filtered by, None when all may.

        Raises:
            ApiError: 400 for anything that the interface does not have, 403 for a column that was not granted.
        """
        doubled = [name for name, values in query.items() if len(values) > 1]
        if doubled:
            raise ApiError(400, "doubled_parameter", f"参数重复：{_some(doubled)}", "每个参数只给一次")
        given = {name: values[0] for name, values in query.items()}
        keys = contract.primary_key
        unknown = sorted(set(given) - RESERVED - set(keys))
        if unknown:
            hint = f"可用参数：{'、'.join([*keys, *sorted(RESERVED)])}"
            raise ApiError(400, "unknown_parameter", f"未知参数：{_some(unknown)}", hint)
        fields = asked_fields(contract, given.get("fields"))
        if granted is not None:
            asked = [name for name in keys if name in given] + ([] if "fields" not in given else [*fields])
            _refuse_ungranted(asked, granted)
            fields = tuple(name for name in fields if name in granted)
        return cls(
            filters={name: _filter(contract, name, given[name]) for name in keys if name in given},
            fields=fields,
            limit=_limit(given.get("limit")),
            page_token=given.get("page_token"),
        )


def file_format(given: Sequence[tuple[str, str]]) -> str:
    """Return the format that a request for a file names, ``csv`` by default; raise :class:`ApiError` 400 for anything else."""
    if [name for name, _ in given] not in ([], ["format"]):
        names = _some([name for name, _ in given])
        raise ApiError(400, "unknown_parameter", f"未知或重复的参数：{names}", "可用参数：format")
    return dict(given).get("format", "csv")


def _filter(contract: Contract, name: str, text: str) -> Any:
    prop = contract.property_named(name)
    try:
        return typed(prop, text)
    except ValueError:
        hint = f"{prop.business_name}的类型是 {prop.physical_type}"
        raise ApiError(400, "bad_filter", f"筛选值与字段类型不符：{name}", hint) from None


def asked_fields(contract: Contract, text: str | None) -> tuple[str, ...]:
    """Return the fields that are asked for, all when none is named; raise :class:`ApiError` 400 for one that is not there."""
    names = [prop.name for prop in contract.properties]
    if text is None:
        return tuple(names)
    wanted = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    strange = [name for name in wanted if name not in names]
    if strange:
        raise ApiError(400, "unknown_field", f"没有字段：{_some(strange)}", "字段名见目录的信息项")
    return wanted


def _refuse_ungranted(asked: Sequence[str], granted: frozenset[str]) -> None:
    strange = sorted({name for name in asked if name not in granted})
    if strange:
        hint = f"授权的数据项：{'、'.join(sorted(granted))}；另需其他数据项请另行申请；依据：{ARTICLE_25}"
        raise ApiError(403, "field_not_granted", f"数据项未获授权：{_some(strange)}", hint)


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 4 and 1 <= int(text) <= LIMIT_MAXIMUM):
        raise ApiError(400, "bad_limit", f"limit 须为 1 到 {LIMIT_MAXIMUM} 的整数", f"缺省为 {LIMIT_DEFAULT}")
    return int(text)


def _some(names: Sequence[str]) -> str:
    text = "、".join(names)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
