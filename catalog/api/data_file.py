"""Rows of a grant as one file: what 文件下载 and 批量交换 give. Columns, rows and masks are those of the data service.

A file is written whole before anything is sent, a portion at a time into a file without a name: who receives one has all
of it, and a grant that is closed meanwhile gives none.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import IO

import pyarrow as pa

from catalog.access.model import Decision, Grant, Principal
from catalog.access.store import AccessStore, AuditEvent
from catalog.api.data import refusal
from catalog.api.errors import ApiError
from catalog.api.readers import Readers
from catalog.api.request import DataRequest
from catalog.api.rows import last_key, masks_of, read_rows, shown
from catalog.api.table_files import CsvFile, ParquetFile
from catalog.contract.message import Message
from catalog.contract.model import Contract
from catalog.sharing.form import Method
from catalog.sharing.grants import GrantBook

MOST_ROWS = 500_000
ROWS_AT_ONCE = 20_000
FILES_AT_ONCE = 2
LEAST_FREE_BYTES = 1 << 30
WRITERS: dict[str, type[CsvFile] | type[ParquetFile]] = {"csv": CsvFile, "parquet": ParquetFile}
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_WAIT_SECONDS = "10"


@dataclass(frozen=True)
class FileRequest:
    """Who asks for a file of what: ``method`` is that of the door, ``named`` the application, ``by`` a person's name."""

    contract: Contract
    principal: Principal | None
    method: Method
    form: str
    request_id: str
    named: str | None = None
    by: str = ""


@dataclass(frozen=True)
class DataFile:
    """A file to be sent; ``content`` stands at its beginning and is closed by the sender."""

    content: IO[bytes]
    size: int
    rows: int
    name: str
    media_type: str


class DataFiles:
    """Writes files; every decision, yes or no, leaves an audit event before the file goes out."""

    def __init__(self, readers: Readers, store: AccessStore, grants: GrantBook, scratch: Path) -> None:
        self._readers, self._store, self._grants, self._scratch = readers, store, grants, scratch
        self._places = threading.BoundedSemaphore(FILES_AT_ONCE)

    def give(self, asked: FileRequest, today: date) -> DataFile:
        """Return the file; raise :class:`ApiError` with the reason when it may not or cannot be given."""
        if asked.form not in WRITERS:
            raise ApiError(400, "bad_format", "没有这种文件格式", Message("可用格式：{forms}", forms=list(WRITERS)))
        grant, decision = self._decided(asked, today)
        rows = 0
        try:
            if asked.principal is None or grant is None or not decision.allowed:
                raise refusal(decision)
            with self._place(), self._unnamed() as content:
                about = {"resource": asked.contract.key, "application": grant.application, "purpose": grant.purpose}
                writer, count = WRITERS[asked.form](content, about), 0
                for portion in self._portions(asked.contract, asked.principal, grant, today):
                    writer.add(portion)
                    count += len(portion)
                    _, decision = self._decided(asked, today)  # anew, as at every page of the data service
                    if not decision.allowed:
                        raise refusal(decision)
                writer.finish()
                size, rows = content.tell(), count
                content.seek(0)
        finally:
            noted = replace(decision, reason=f"{decision.reason}；{asked.by}取{asked.form}文件")
            self._store.audit(
                AuditEvent(asked.request_id, asked.principal, "read_file", asked.contract.key, (), noted, rows, grant)
            )
        name = f"{asked.contract.name}-{grant.application}.{asked.form}"
        return DataFile(content, size, rows, name, MEDIA_TYPES[asked.form])

    def _decided(self, asked: FileRequest, today: date) -> tuple[Grant | None, Decision]:
        return self._grants.decided(asked.contract, asked.principal, asked.method, named=asked.named, today=today)

    def _portions(self, contract: Contract, principal: Principal, grant: Grant, today: date) -> Iterator[pa.Table]:
        """Yield the rows of a grant from one published version, in key order; at least one portion."""
        asked = DataRequest.parse(contract, {}, grant.columns)
        if not asked.fields:
            raise ApiError(409, "no_columns", "授权的数据项已不在已发布的数据中", "请联系提供部门，或另行申请")
        asked = replace(asked, limit=ROWS_AT_ONCE)
        snapshot, masks = self._readers.snapshot(), masks_of(contract, principal, asked.fields, today)
        after: list[str] | None = None
        given = 0
        while True:
            found = read_rows(self._readers, contract, asked, snapshot, after, dict(grant.row_filter))
            portion = found.slice(0, ROWS_AT_ONCE)
            given += len(portion)
            if given > MOST_ROWS:
                hint = "在申请中限定数据行，或以服务接口分页读取"
                said = Message("授权的数据超过 {most:,} 行，不能作为一个文件取走", most=MOST_ROWS)
                raise ApiError(409, "too_many_rows", said, hint)
            yield shown(portion, asked.fields, masks)
            if len(found) <= ROWS_AT_ONCE:
                return
            after = last_key(contract, portion)

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Hold one of the few places at which files are written."""
        if not self._places.acquire(blocking=False):
            headers = {"Retry-After": _WAIT_SECONDS}
            raise ApiError(
                429, "busy", "正在生成的文件过多", Message("{seconds} 秒后再试", seconds=_WAIT_SECONDS), headers=headers
            )
        try:
            yield
        finally:
            self._places.release()

    @contextmanager
    def _unnamed(self) -> Iterator[IO[bytes]]:
        """Give a file without a name, which is gone with its last holder; closed here when writing it fails."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._scratch).free < LEAST_FREE_BYTES:
            raise ApiError(503, "no_space", "服务器的磁盘空间不足", "请联系平台运维人员")
        content = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115 - its sender closes it
        try:
            yield content
        except BaseException:
            content.close()
            raise
