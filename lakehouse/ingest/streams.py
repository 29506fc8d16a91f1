"""Databases and JSON APIs: read since the watermark with a look-back, and recognise what was read before.

A read is identified by its content, not by its time or its paging. Each commit leaves the window of the next read:
from when on it reads, how many rows lie before that, and the identity that the read has if nothing changes until then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from blake3 import blake3

from catalog.derive.sql_predicates import literal, quote
from lakehouse.connect.duck import Connection
from lakehouse.ingest.batch import Delivery, Ingestion
from lakehouse.ingest.held import WINDOW
from lakehouse.ingest.judging import one_row
from lakehouse.ingest.landing import DIGEST_LENGTH, land_folder
from lakehouse.ingest.punctuality import CYCLE_DAYS
from lakehouse.sources.database import Window, read_database
from lakehouse.sources.http_api import ApiPart, fetch_pages
from lakehouse.sources.received import ParquetPart, Part, Received
from lakehouse.tables.commit import BATCH_ID

LOOK_BACK_CYCLES = 2
LOOK_BACK_DAYS = 7  # at least


@dataclass(frozen=True)
class StreamRead:
    """One read: its delivery, the parts, and the batch that had the same content in the same window, if any."""

    delivery: Delivery
    received: Received
    unchanged_since: str | None


def read_stream(ingestion: Ingestion, folder: Path) -> StreamRead:
    """Read what is new and land it.

    Raises:
        SourceError: the system cannot be read.
    """
    held = ingestion.held()
    window = json.loads(held.last(WINDOW) or "null")
    raw = folder / "read"
    raw.mkdir(parents=True)
    columns, parts, before = _fetch(ingestion, window, raw)
    identity = _identity(ingestion.con, parts, columns, None)
    landed = land_folder(ingestion.settings, ingestion.contract, raw, identity)
    for part in parts:
        part.path = landed if isinstance(part, ApiPart) else landed / part.path.name
    unchanged = (
        held.last(BATCH_ID) if window and window["identity"] == identity and window["rows_before"] == before else None
    )
    name = ingestion.contract.gov.source.table or ingestion.contract.gov.source.path
    delivery = Delivery(
        name,
        f"{ingestion.contract.key}:{identity}",
        window=partial(_next_window, ingestion, columns, parts, before),
        overlaps=True,
    )
    is_api = ingestion.contract.gov.source.kind == "http_api"
    return StreamRead(delivery, Received(columns, iter(list[Part](parts)), json_lines=is_api), unchanged)


Parts = list[ParquetPart] | list[ApiPart]


def _fetch(ingestion: Ingestion, window: dict[str, Any] | None, folder: Path) -> tuple[list[str], Parts, int]:
    """Return columns, parts, and how many rows lie before what was read (none for a full read)."""
    source, contract = ingestion.contract.gov.source, ingestion.contract
    expected = [prop.physical_name for prop in contract.properties]
    if source.kind == "http_api":
        since = None if window is None else window["since"]
        fetch_pages(ingestion.source, source.path, source.page_size, since, folder, ingestion.limits)
        return expected, [ApiPart(folder, expected)], 0
    stamp = None if source.watermark is None else contract.property_named(source.watermark).physical_name
    wanted = None if window is None else Window(window["since"], int(window["rows_before"]))
    uri = ingestion.source.database_uri(contract.dept, source.path)
    read = read_database(uri, source.table or contract.resource, expected, stamp, wanted, folder)
    return read.columns, read.parts, 0 if read.full or wanted is None else wanted.rows_before


def _identity(con: Connection, parts: Parts, columns: list[str], condition: str | None) -> str:
    """Return a hash of the rows that does not depend on their order."""
    rows = high = low = 0
    for part in parts:
        if isinstance(part, ApiPart):
            text, relation = "_line", part.relation()
        else:
            texts = ", ".join(f"coalesce({quote(name)}, chr(30))" for name in columns)
            text, relation = f"concat_ws(chr(31), {texts})", part.relation()
        row = one_row(
            con,
            f"select count(*), sum((md5_number({text}) >> 64)::hugeint),"
            f" sum((md5_number({text}) % 18446744073709551616)::hugeint)"
            f" from {relation} {'' if condition is None else f'where {condition}'}",
        )
        rows, high, low = rows + int(row[0]), high + int(row[1] or 0), low + int(row[2] or 0)
    return blake3(f"{columns}:{rows}:{high}:{low}".encode()).hexdigest()[:DIGEST_LENGTH]


def _next_window(ingestion: Ingestion, columns: list[str], parts: Parts, before: int, reached: str) -> dict[str, str]:
    """Return the summary property for the next read, after the watermark ``reached`` by accepted rows."""
    name = ingestion.contract.gov.source.watermark
    if name is None:
        return {}
    is_api = ingestion.contract.gov.source.kind == "http_api"
    days = max(LOOK_BACK_DAYS, LOOK_BACK_CYCLES * CYCLE_DAYS[ingestion.contract.gov.update_cycle])
    # A row from the future must not hide what comes before it; a database would notice by its count, an API cannot.
    latest = min(datetime.fromisoformat(reached), datetime.now()) if is_api else datetime.fromisoformat(reached)
    since = (latest - timedelta(days=days)).isoformat("T" if is_api else " ", "seconds")
    stamp, later = quote(ingestion.contract.property_named(name).physical_name), literal(since)
    counts = (f"select count(*) from {part.relation()} where {stamp} < {later}" for part in parts)
    earlier = 0 if is_api else before + sum(int(one_row(ingestion.con, count)[0]) for count in counts)
    identity = _identity(ingestion.con, parts, columns, f"({stamp} >= {later} or {stamp} is null)")
    return {WINDOW: json.dumps({"since": since, "rows_before": earlier, "identity": identity})}
