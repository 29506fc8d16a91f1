"""JSON API deliveries: pages fetched with a bearer token, kept as received, split into records by DuckDB."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import pyarrow as pa
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from lakehouse.sources.errors import SourceError
from lakehouse.sources.json_text import object_fields
from lakehouse.sources.limits import Limits
from lakehouse.sources.received import WANTED, RowFault
from lakehouse.sources.system import SourceSystem

DEFAULT_PAGE_SIZE = 1000


class _Unavailable(Exception):
    """The server answered that it cannot answer now."""


def fetch_pages(
    source: SourceSystem, path: str, page_size: int | None, updated_since: str | None, folder: Path, limits: Limits
) -> None:
    """Write the pages of a read to ``folder``, each as it came.

    Raises:
        SourceError: ``source.unauthorised``, ``source.unreachable``, ``delivery.incomplete`` or ``delivery.too_large``.
    """
    if source.api_url is None:
        raise SourceError("source.unreachable", "没有配置接口地址（CITYBRAIN_API_URL）")
    headers = {"Authorization": f"Bearer {source.api_token}"} if source.api_token else {}
    written = 0
    seconds = limits.http_timeout_seconds
    with httpx.Client(base_url=source.api_url, headers=headers, timeout=seconds, verify=_trusted()) as client:
        for number, body in enumerate(_bodies(client, path, page_size or DEFAULT_PAGE_SIZE, updated_since, limits)):
            written += len(body)
            if written > limits.max_delivery_bytes:
                raise SourceError("delivery.too_large", f"接口返回超过 {limits.max_delivery_bytes} 字节，未读取")
            (folder / f"page_{number:08}.json").write_bytes(body)


@cache
def _trusted() -> ssl.SSLContext:
    """Return the authorities that this machine trusts: to read them takes longer than to fetch a small delivery."""
    return httpx.create_ssl_context()


def _bodies(
    client: httpx.Client, path: str, page_size: int, updated_since: str | None, limits: Limits
) -> Iterator[bytes]:
    parameters = {"page_size": str(page_size)} | ({"updated_since": updated_since} if updated_since else {})
    seen: set[str] = set()
    for _ in range(limits.http_max_pages):
        body = _get(client, path, parameters, limits)
        yield body
        cursor = _next_cursor(body)
        if cursor is None:
            return
        if cursor in seen:
            raise SourceError("delivery.incomplete", "接口重复返回同一游标，分页无法结束")
        seen.add(cursor)
        parameters["cursor"] = cursor
    raise SourceError("delivery.too_large", f"接口返回超过 {limits.http_max_pages} 页，未读取")


def _next_cursor(body: bytes) -> str | None:
    try:
        page = json.loads(body)
        if not isinstance(page["items"], list):
            raise TypeError("items")
        cursor = page["next"]
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError("delivery.incomplete", '接口返回的不是 {"items": […], "next": …} 格式') from error
    return None if cursor is None else str(cursor)


def _get(client: httpx.Client, path: str, parameters: dict[str, str], limits: Limits) -> bytes:
    retrying = Retrying(
        stop=stop_after_attempt(limits.http_attempts),
        wait=wait_exponential_jitter(multiplier=0.2, max=5),
        retry=retry_if_exception(lambda error: isinstance(error, httpx.TransportError | _Unavailable)),
        reraise=True,
    )
    try:
        return retrying(_get_once, client, path, parameters)
    except (httpx.TransportError, _Unavailable) as error:
        raise SourceError("source.unreachable", f"接口 {path} 多次尝试后仍无法访问") from error


def _get_once(client: httpx.Client, path: str, parameters: dict[str, str]) -> bytes:
    response = client.get(path, params=parameters)
    if response.status_code in (401, 403):
        raise SourceError("source.unauthorised", f"接口 {path} 拒绝访问：令牌无效或无权限")
    if response.status_code >= 500 or response.status_code == 429:
        raise _Unavailable(str(response.status_code))
    if response.status_code == 404:
        raise SourceError("delivery.missing", f"接口 {path} 不存在")
    if response.status_code != 200:
        raise SourceError("source.unreachable", f"接口 {path} 返回状态码 {response.status_code}")
    return response.content


@dataclass
class ApiPart:
    """The records of the landed pages in a folder."""

    path: Path
    columns: list[str]
    first_row: int = 0
    rows: int | None = None

    def lines(self) -> str:
        """Return the relation of records as JSON text, ``_line`` and ``_row``."""
        pattern = str(self.path / "page_*.json").replace("'", "''")
        pages = f"select json_extract(content, '$.items[*]') as items from read_text('{pattern}') order by filename"
        unnested = f"select unnest(items)::varchar as _line from ({pages})"
        return f"(select _line, row_number() over () as _row from ({unnested}))"

    def relation(self) -> str:
        """Return the relation of fields."""
        return object_fields(self.lines(), self.columns)

    def record_bytes(self) -> None:
        """Return nothing: records are parts of pages."""

    def relation_of(self, rows: pa.Table) -> str:
        """Return the fields of the wanted records."""
        return object_fields(f"(select * from {self.lines()} semi join {WANTED} using (_row))", self.columns)

    def absent(self) -> str:
        """Return nothing: JSON text can write any character."""
        return ""

    def doubtful(self) -> bool:
        """Return False: the engine alone takes pages apart."""
        return False

    def repair(self) -> bool:
        """Pages were checked when they came."""
        return False

    def faults(self) -> list[RowFault]:
        """Return no faults: a record that is no object is found by its line."""
        return []

    def close(self) -> None:
        """Leave the pages where they landed."""
