"""Reads a sample city and judges its rows with nothing of the generator: the contracts, stdnum and plain Python.

``read`` parses the deliveries, ``judge`` names the rules that a row breaks, ``settle`` plays the deliveries in order as
docs/architecture.md defines it.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

import python_calamine
from stdnum.cn import ric, uscc

from catalog.contract.load import load_contracts, load_vocabulary
from catalog.contract.model import Contract, Property
from catalog.contract.vocabulary import Vocabulary

Row = dict[str, str | None]
CYCLE_DAYS = {"实时": 1, "每日": 1, "每周": 7, "每月": 31, "每季度": 92, "每年": 366}
PATTERNS = {
    "phone": r"1[3-9]\d{9}",
    "plate_no": r"[\u4e00-\u9fff][A-Z][A-HJ-NP-Z0-9]{5,6}",
    "vin": r"[A-HJ-NPR-Z0-9]{17}",
    "month": r"(19|20)\d\d-(0[1-9]|1[0-2])",
    "icd10_3": r"[A-Z]\d\d",
    "division_code_shape": r"[1-9]\d{11}",
}


@dataclass
class Received:
    """One delivery as received: rows by column name, and the numbers of rows that are in another encoding."""

    contract: Contract
    name: str
    rows: list[Row]
    misencoded: set[int] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    content: bytes = b""


@cache
def contracts() -> dict[str, Contract]:
    return load_contracts()


@cache
def vocabulary() -> Vocabulary:
    return load_vocabulary()


def read(city: Path, contract: Contract) -> list[Received]:
    """Return the deliveries of one resource in the order of delivery."""
    kind = contract.gov.source.kind
    if kind == "database":
        return [_read_table(city, contract)]
    if kind == "http_api":
        path = city / "api" / contract.dept / f"{contract.resource}.ndjson"
        return [Received(contract, "api", _json_rows(path, contract))]
    folder = city / contract.dept / contract.resource
    files = sorted(folder.iterdir(), key=lambda path: path.stem.rsplit("_", 1)[1])
    return [_read_file(path, contract) for path in files]


def _read_file(path: Path, contract: Contract) -> Received:
    match path.suffix:
        case ".csv":
            received = _read_csv(path, contract)
        case ".xlsx":
            received = Received(contract, path.name, list(_sheet_rows(path, contract)))
        case _:
            received = Received(contract, path.name, _json_rows(path, contract))
    received.content = path.read_bytes()
    return received


def _read_csv(path: Path, contract: Contract) -> Received:
    encoding = contract.gov.source.encoding or "utf-8"
    texts, misencoded = [], set()
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True)):
        try:
            texts.append(line.decode(encoding))
        except UnicodeDecodeError:
            texts.append(line.decode("utf-8"))
            misencoded.add(number - 1)
    header, *records = list(csv.reader(io.StringIO("".join(texts), newline="")))
    assert len(records) == len(texts) - 1, "no value holds a line end"
    names = {p.physical_name: p.name for p in contract.properties}
    rows = [
        {names[title]: value or None for title, value in zip(header, record, strict=True) if title in names}
        for record in records
    ]
    return Received(contract, path.name, rows, misencoded, [title for title in header if title not in names])


def _json_rows(path: Path, contract: Contract) -> list[Row]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        {p.name: _text(record.get(p.physical_name)) for p in contract.properties} for record in map(json.loads, lines)
    ]


def _read_table(city: Path, contract: Contract) -> Received:
    source = contract.gov.source
    connection = sqlite3.connect(f"file:{city / source.path}?mode=ro", uri=True)
    columns = ", ".join(f'"{p.physical_name}"' for p in contract.properties)
    rows = connection.execute(f'select {columns} from "{source.table}" order by rowid').fetchall()
    connection.close()
    names = [p.name for p in contract.properties]
    return Received(contract, "table", [dict(zip(names, map(_text, row), strict=True)) for row in rows])


def _sheet_rows(path: Path, contract: Contract) -> Iterator[Row]:
    sheet = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_name(contract.gov.source.sheet)
    grid = sheet.to_python(skip_empty_area=False)
    titles = [p.physical_name for p in contract.properties]
    header = next(n for n, cells in enumerate(grid) if set(titles) <= set(cells))
    assert header == 2, "row 3 is the header"
    assert all(cells[0] == "" for cells in grid), "column A is empty"
    place = {p.name: grid[header].index(p.physical_name) for p in contract.properties}
    for cells in grid[header + 1 :]:
        if str(cells[1]).startswith("合计"):
            return
        yield {name: _text(cells[column]) for name, column in place.items()}


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


def typed(prop: Property, text: str | None) -> Any:
    """Return the typed value; raise ``ValueError`` when there is none."""
    if text is None:
        return None
    match prop.base_type:
        case "date":
            return _day(text)
        case "timestamp":
            return datetime.combine(_day(text[:-9]), datetime.strptime(text[-8:], "%H:%M:%S").time())
        case "integer":
            if not re.fullmatch(r"-?\d+", text) or abs(int(text)) > 2_147_483_647:
                raise ValueError(text)
            return int(text)
        case "double":
            return float(text)
        case "decimal":
            return _decimal(text, *prop.decimal_parameters)
        case "boolean":
            return {"是": True, "否": False}[text] if text in ("是", "否") else _fail(text)
        case _:
            return text


def _fail(text: str) -> bool:
    raise ValueError(text)


def _day(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d|\d{8}", text):
        raise ValueError(text)
    return datetime.strptime(text.replace("-", ""), "%Y%m%d").date()


def _decimal(text: str, precision: int, scale: int) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(text) from error
    if not value.is_finite() or abs(value) >= 10 ** (precision - scale) or value != round(value, scale):
        raise ValueError(text)
    return value


def judge(row: Row, contract: Contract, divisions: dict[str, date | None]) -> tuple[dict[str, Any], set[str]]:
    """Return the typed row and the names of the rules it breaks."""
    values: dict[str, Any] = {}
    broken = set()
    for prop in contract.properties:
        try:
            values[prop.name] = typed(prop, row[prop.name])
        except ValueError:
            values[prop.name] = None
            broken.add(f"{prop.name}.type")
            continue
        if values[prop.name] is None:
            if prop.required:
                broken.add(f"{prop.name}.required")
            continue
        broken |= {f"{prop.name}.{check}" for check in _checks(values[prop.name], prop)}
    watermark = contract.gov.source.watermark
    for prop in contract.properties:
        value, item = values[prop.name], vocabulary().items[prop.gov.item]
        if value is None:
            continue
        if item.format == "division_code" and not _in_force(value, divisions, values.get(watermark or "")):
            broken.add(f"{prop.name}.division")
        earlier = values.get(prop.gov.not_before or "")
        if earlier is not None and value < earlier:
            broken.add(f"{prop.name}.order")
    return values, broken


def _checks(value: Any, prop: Property) -> Iterator[str]:
    options, item, bounds = prop.logical_type_options, vocabulary().items[prop.gov.item], vocabulary().city.bounds
    if options.max_length is not None and len(value) > options.max_length:
        yield "length"
    low, high = options.minimum, options.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        yield "range"
    if item.min is not None and item.max is not None:
        on = value.date() if isinstance(value, datetime) else value
        if not item.min <= on <= item.max:
            yield "range"
    if prop.gov.code_list is not None and value not in vocabulary().code_lists[prop.gov.code_list].values:
        yield "code_list"
    match item.format:
        case "resident_id":
            if not re.fullmatch(r"[0-9]{17}[0-9X]", value) or not ric.is_valid(value):
                yield "checksum"
        case "credit_code":
            if not value.isascii() or not uscc.is_valid(value):
                yield "checksum"
        case "longitude":
            if not bounds.west <= value <= bounds.east:
                yield "in_city"
        case "latitude":
            if not bounds.south <= value <= bounds.north:
                yield "in_city"
        case "dept_code":
            if value not in vocabulary().departments:
                yield "pattern"
        case str() as name if name in PATTERNS and not re.fullmatch(PATTERNS[name], value):
            yield "pattern"


def _in_force(code: str, divisions: dict[str, date | None], on: date | None) -> bool:
    if not re.fullmatch(r"[1-9]\d{11}", code):
        return False
    if not code.startswith("3301"):
        return True
    if code not in divisions:
        return False
    ended = divisions[code]
    return ended is None or (on is not None and ended >= (on.date() if isinstance(on, datetime) else on))


@dataclass
class Settled:
    """What remains after all deliveries: tables, quarantined rules by key, identical rows by key, failed files."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    quarantine: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    identical: Counter[tuple[str, str]] = field(default_factory=Counter)
    batches: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    largest_share: float = 0.0


def settle(city: Path) -> Settled:
    """Take every delivery in order: type, check, quarantine, deduplicate, merge."""
    settled = Settled()
    divisions: dict[str, date | None] = {}
    for key in sorted(contracts(), key=lambda k: (k != "dsjj.division", k)):
        _settle_resource(city, contracts()[key], divisions, settled)
        if key == "dsjj.division":
            divisions.update({r["division_code"]: r["valid_until"] for r in settled.tables[key]})
    return settled


def _settle_resource(city: Path, contract: Contract, divisions: dict[str, date | None], settled: Settled) -> None:
    table: dict[tuple[Any, ...], dict[str, Any]] = {}
    seen: set[bytes] = set()
    for received in read(city, contract):
        if received.content and received.content in seen:
            settled.batches[contract.key].add((received.name, "batch.resent"))
            continue
        seen.add(received.content)
        if received.unknown:
            settled.batches[contract.key].add((received.name, "schema.unknown_column"))
            continue
        if received.content and _late(received.name, contract):
            settled.batches[contract.key].add((received.name, "batch.late"))
        accepted = _accept(received, contract, divisions, settled)
        if contract.gov.source.mode == "replace":
            table.clear()
        watermark = contract.gov.source.watermark
        for key, row in accepted.items():
            if watermark is None or key not in table or row[watermark] >= table[key][watermark]:
                table[key] = row
    settled.tables[contract.key] = list(table.values())


def _accept(
    received: Received, contract: Contract, divisions: dict[str, date | None], settled: Settled
) -> dict[tuple[Any, ...], dict[str, Any]]:
    accepted: dict[tuple[Any, ...], dict[str, Any]] = {}
    refused = 0
    for number, row in enumerate(received.rows):
        raw_key = "|".join(row[name] or "" for name in contract.primary_key)
        values, broken = judge(row, contract, divisions)
        if number in received.misencoded:
            broken = {"row.encoding"}
        key = tuple(values[name] for name in contract.primary_key)
        if not broken and key in accepted:
            if accepted[key] == values:
                settled.identical[contract.key, raw_key] += 1
                continue
            broken = {"key.duplicate"}
        if broken:
            refused += 1
            settled.quarantine[contract.key, raw_key] |= broken
        else:
            accepted[key] = values
    settled.largest_share = max(settled.largest_share, refused / len(received.rows))
    return accepted


def _late(name: str, contract: Contract) -> bool:
    _, data_date, delivered = name.rsplit(".", 1)[0].rsplit("_", 2)
    limit = timedelta(days=CYCLE_DAYS[contract.gov.update_cycle] + 2)
    return datetime.strptime(delivered, "%Y%m%d%H%M%S") - datetime.strptime(data_date, "%Y%m%d") > limit


def read_truth(city: Path) -> list[dict[str, str]]:
    """Return every line of the ground truth."""
    files = sorted((city / "truth").glob("*.ndjson"))
    return [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]
