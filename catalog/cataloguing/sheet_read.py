"""Read a workbook in the 1272号 form: every fault with its sheet, row and column in one go, and nothing of a faulty file."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from catalog.cataloguing.checking import fault_of
from catalog.cataloguing.drafting import Proposer, from_contract
from catalog.cataloguing.form import (
    ENTRY_FIELDS,
    ITEM_FIELDS,
    FormFault,
    FormField,
    cell_text,
    choices_of,
    fold_contract,
    place,
    read,
    unfold_contract,
)
from catalog.cataloguing.published import Published, path_of
from catalog.cataloguing.sheet_faults import CellFault, cell_place
from catalog.cataloguing.sheet_guard import RefusedFile, checked_workbook
from catalog.cataloguing.sheet_write import CODE, ENTRIES, ITEMS, REST
from catalog.contract.checks.subject import PLACEHOLDER
from catalog.contract.document import Document, Path, Place
from catalog.contract.finding import GUIDE, HOUSE, Finding, law
from catalog.contract.lint import lint_among
from catalog.contract.message import Message
from catalog.contract.writing import canonical

NEEDED = {"category", "title", "resource_code", "dept", "summary", "share_type", "update_cycle"}
NEEDED_OF_ITEMS = {"business_name"}
OTHER_SHEET = 1 << 24  # added to the rows of 信息项, so that one number names sheet and row
_NOWHERE = (1, 1)
_TO_BE_FILLED = frozenset({"todo.unfilled", "field.missing", "share.condition", "share.basis", "usage.missing"})


@dataclass(frozen=True)
class ReadEntry:
    """One entry of the sheet: its row, its key, its content, the file it changes (``""`` for a new one), what is unfilled."""

    row: int
    key: str
    document: Mapping[str, Any]
    base: str
    is_changed: bool
    unfilled: int


@dataclass(frozen=True)
class ReadSheet:
    """A workbook: its entries, or the faults that keep all of it out."""

    entries: tuple[ReadEntry, ...] = ()
    faults: tuple[CellFault, ...] = ()


def read_workbook(content: bytes, published: Published, *, only_dept: str | None = None) -> ReadSheet:
    """Read a workbook beside what is published; entries of another department than ``only_dept`` are faults.

    Raises:
        RefusedFile: the file is not read at all.
    """
    checked = checked_workbook(content)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(checked.content))
        names = book.sheet_names
        sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in names[:20]}
    except (CalamineError, OSError, ValueError, KeyError) as error:
        raise RefusedFile(
            Message("文件不能读取（{error}），请用 Excel 打开后另存再导入", error=str(error)[:80])
        ) from None
    reading = _Reading(published, only_dept)
    for sheet, cell in checked.formulas:
        if sheet in (ENTRIES, ITEMS):
            row, column = cell_place(cell)
            reading.fault(sheet, row, column, "", cell, "单元格是公式，请复制后“选择性粘贴为数值”", HOUSE)
    absent = [name for name in (ENTRIES, ITEMS) if name not in sheets]
    if absent:
        raise RefusedFile(Message("工作簿里没有工作表“{sheets}”，请使用目录模板", sheets="”“".join(absent)))
    return reading.read(sheets[ENTRIES], sheets[ITEMS])


@dataclass
class _Row:
    """One row that is being read: folded values, where each path stands, whether its rest was exported with it."""

    sheet: str
    number: int
    values: dict[str, Any] = field(default_factory=dict)
    places: dict[tuple[str, ...], int] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    is_whole: bool = False


class _Table:
    """A sheet's headings, and the rows below them."""

    def __init__(self, sheet: str, rows: Sequence[Sequence[Any]], fields: Sequence[FormField]) -> None:
        self.sheet, self.rows, self.fields = sheet, rows, fields
        self.head = next((n for n, row in enumerate(rows[:10]) if CODE in map(cell_text, row)), 0)
        headings = [cell_text(cell) for cell in rows[self.head]] if rows else []
        self.places = {heading: n for n, heading in reversed(list(enumerate(headings))) if heading}
        self.twice = sorted({h for h in headings if h and headings.count(h) > 1})
        self.rest = [n for heading, n in self.places.items() if re.fullmatch(rf"{REST}\d*", heading)]
        self.rest.sort()

    def body(self) -> Iterator[tuple[int, Sequence[Any]]]:
        """Yield (row as Excel counts, cells) of every row that is not empty."""
        for number, row in enumerate(self.rows[self.head + 1 :], start=self.head + 2):
            if any(cell_text(cell) for cell in row):
                yield number, row


class _Reading:
    """One workbook being read."""

    def __init__(self, published: Published, only_dept: str | None) -> None:
        self._published, self._only = published, only_dept
        self._choices = choices_of(published.vocabulary)
        self._proposer = Proposer(published)
        self._by_code = {contract.gov.resource_code: key for key, contract in published.contracts.items()}
        self._faults: set[CellFault] = set()

    def fault(self, sheet: str, row: int, column: int, heading: str, given: str, message: str, source: str) -> None:
        """Keep one fault."""
        self._faults.add(CellFault(sheet, row, column, heading, given[:80], message, source))

    def read(self, entry_rows: Sequence[Sequence[Any]], item_rows: Sequence[Sequence[Any]]) -> ReadSheet:
        """Return the entries, or every fault."""
        entries, items = _Table(ENTRIES, entry_rows, ENTRY_FIELDS), _Table(ITEMS, item_rows, ITEM_FIELDS)
        self._headings(entries, NEEDED)
        self._headings(items, NEEDED_OF_ITEMS)
        if self._faults:
            return ReadSheet(faults=tuple(sorted(self._faults)))
        owned = self._items(items)
        found = [self._entry(row, owned) for row in self._entries(entries)]
        self._ownerless(owned, items)
        lonely = not found and not self._faults
        if lonely:
            self.fault(ENTRIES, entries.head + 2, 1, "", "", "没有目录：表头下至少要有一行", GUIDE)
        read_entries = self._judged([made for made in found if made is not None], entries, items)
        faults = tuple(sorted(self._faults))
        return ReadSheet(() if faults else read_entries, faults)

    def _headings(self, table: _Table, needed: set[str]) -> None:
        missing = [f.heading for f in table.fields if f.name in needed and f.heading not in table.places]
        for heading in [*([] if CODE in table.places else [CODE]), *(m for m in missing if m != CODE)]:
            self.fault(table.sheet, table.head + 1, 1, heading, "", "缺少这一列", GUIDE)
        for heading in table.twice:
            self.fault(table.sheet, table.head + 1, table.places[heading] + 1, heading, heading, "列名重复", GUIDE)

    def _row(self, table: _Table, number: int, cells: Sequence[Any]) -> _Row:
        row = _Row(table.sheet, number)
        rest = "".join(cell_text(cells[n]) for n in table.rest if n < len(cells))
        if rest:
            row.values, row.is_whole = self._rest(table, number, rest), True
        for form_field in table.fields:
            column = table.places.get(form_field.heading)
            if column is None:
                continue
            row.places[form_field.path] = column + 1
            given = cells[column] if column < len(cells) else None
            row.texts[column + 1] = cell_text(given)
            try:
                value = read(form_field, given, self._choices)
            except FormFault as error:
                self.fault(
                    table.sheet, number, column + 1, form_field.heading, row.texts[column + 1], str(error), GUIDE
                )
                continue
            if value is not None:
                place(row.values, form_field.path, value)
        return row

    def _rest(self, table: _Table, number: int, text: str) -> dict[str, Any]:
        try:
            rest = json.loads(text)
        except (ValueError, RecursionError):
            rest = None
        if not isinstance(rest, dict):
            column = table.rest[0] + 1
            self.fault(table.sheet, number, column, REST, text, "不是导出时写入的内容，请清空这一格", HOUSE)
            return {}
        return rest

    def _items(self, table: _Table) -> dict[str, list[_Row]]:
        owned: dict[str, list[_Row]] = {}
        for number, cells in table.body():
            code = cell_text(cells[table.places[CODE]])
            row = self._row(table, number, cells)
            row.places[(CODE,)] = table.places[CODE] + 1
            if not row.values.get("businessName") and not row.is_whole:
                column = table.places["信息项名称"] + 1
                self.fault(table.sheet, number, column, "信息项名称", "", "没有填写", law(13))
            owned.setdefault(code, []).append(row)
        return owned

    def _entries(self, table: _Table) -> Iterator[_Row]:
        seen: dict[str, int] = {}
        for number, cells in table.body():
            row, column = self._row(table, number, cells), table.places[CODE]
            code = cell_text(cells[column])
            if not code:
                self.fault(ENTRIES, number, column + 1, CODE, "", "没有填写信息资源代码", GUIDE)
            elif code in seen:
                self.fault(
                    ENTRIES,
                    number,
                    column + 1,
                    CODE,
                    code,
                    Message("与第 {row} 行的信息资源代码重复", row=seen[code]),
                    GUIDE,
                )
            else:
                seen[code] = number
                yield row

    def _entry(self, row: _Row, owned: dict[str, list[_Row]]) -> tuple[_Row, list[_Row], ReadEntry] | None:
        code, dept = str(row.values.get("gov", {}).get("govResourceCode", "")), row.values.get("domain")
        items = owned.pop(code, [])
        column = row.places[("domain",)]
        if dept is None:
            if not self._has_fault(row, column):
                self.fault(ENTRIES, row.number, column, "信息资源提供方", "", "没有填写", law(13))
            return None
        if self._only is not None and dept != self._only:
            said = "不是本部门的目录，只能导入本部门的目录"
            self.fault(ENTRIES, row.number, column, "信息资源提供方", row.texts[column], said, law(13))
            return None
        base = self._by_code.get(code, "")
        if not items and not (base and not row.is_whole):
            self.fault(
                ENTRIES,
                row.number,
                row.places[("gov", "govResourceCode")],
                CODE,
                code,
                "信息项表里没有这个目录的信息项",
                law(13),
            )
            return None
        if base and not row.is_whole and self._is_another(row, base):
            return None
        document = self._document(row, items, base)
        key = f"{document.get('domain')}.{document['schema'][0].get('name')}"
        base_text = self._published.texts.get(key, "")
        is_changed = not base_text or document != canonical(self._published.documents[key].data)
        unfilled = json.dumps(document, ensure_ascii=False).count(PLACEHOLDER)
        return row, items, ReadEntry(row.number, key, document, base_text, is_changed, unfilled)

    def _is_another(self, row: _Row, base: str) -> bool:
        """Refuse a code that is another entry's: a plain sheet does not rename what is published."""
        held, column = self._published.contracts[base], row.places[("gov", "govResourceCode")]
        if row.values.get("name") in (None, held.name):
            return False
        code = held.gov.resource_code
        free = self._published.next_code(held.gov.category)
        said = Message(
            "这是现行目录“{name}”的代码；新目录请换代码（空闲的有 {free}），更名请在页面上变更该目录",
            name=held.name,
            free=free,
        )
        self.fault(ENTRIES, row.number, column, CODE, code, said, GUIDE)
        return True

    def _document(self, row: _Row, items: list[_Row], base: str) -> dict[str, Any]:
        if row.is_whole and all(item.is_whole for item in items):
            return unfold_contract(row.values, [item.values for item in items])
        taken: set[str] = set()
        if base:
            folded, columns = fold_contract(from_contract(base, self._published))
            held = {column["businessName"]: column for column in columns}
            folded = _merged(folded, row.values)
            stated = [_merged(held.get(str(item.values.get("businessName")), {}), item.values) for item in items]
            filled = [column if column.get("logicalType") else self._column(column, taken) for column in stated]
            return unfold_contract(folded, filled or columns)
        filled = [item.values if item.is_whole else self._column(item.values, taken) for item in items]
        return self._proposer.entry(row.values, filled)

    def _column(self, stated: Mapping[str, Any], taken: set[str]) -> dict[str, Any]:
        column = self._proposer.column(stated, taken)
        taken.add(column["name"])
        return column

    def _ownerless(self, owned: Mapping[str, list[_Row]], table: _Table) -> None:
        faulty = {fault.given for fault in self._faults if fault.sheet == ENTRIES and fault.heading == CODE}
        for code, rows in owned.items():
            for row in rows if code not in faulty else []:
                column = table.places[CODE] + 1
                self.fault(ITEMS, row.number, column, CODE, code, "目录表里没有这个信息资源代码，或该目录有误", GUIDE)

    def _has_fault(self, row: _Row, column: int) -> bool:
        return any((f.sheet, f.row, f.column) == (row.sheet, row.number, column) for f in self._faults)

    def _judged(
        self, found: list[tuple[_Row, list[_Row], ReadEntry]], entries: _Table, items: _Table
    ) -> tuple[ReadEntry, ...]:
        """Lint all entries beside what is published; what is only unfilled is left to the wizard."""
        proposed = {path_of(made.key): _placed(row, owned, made.document) for row, owned, made in found}
        kept = self._published.beside(made.key for _, _, made in found)
        new = {path_of(made.key) for _, _, made in found if not made.base}
        rows = {path_of(made.key): row for row, _, made in found}
        for finding in lint_among(proposed, kept, self._published.vocabulary):
            is_open = finding.path in new and finding.rule in _TO_BE_FILLED
            if finding.severity == "error" and not is_open:
                self._of_finding(finding, entries, items, rows[finding.path])
        twice: dict[str, int] = {}
        for row, _, made in found:
            if made.key in twice:
                column = row.places.get(("schema", "name"), 1)
                said = Message("与第 {row} 行的资源英文名重复", row=twice[made.key])
                self.fault(ENTRIES, row.number, column, "资源英文名", made.key, said, HOUSE)
            twice.setdefault(made.key, row.number)
        return tuple(made for _, _, made in found)

    def _of_finding(self, finding: Finding, entries: _Table, items: _Table, owner: _Row) -> None:
        is_item = finding.line >= OTHER_SHEET
        table, number = (items, finding.line - OTHER_SHEET) if is_item else (entries, finding.line)
        if (finding.line, finding.column) == _NOWHERE:  # of a part that the sheet has no column for
            number, finding = owner.number, replace(finding, column=owner.places[("gov", "govResourceCode")])
        heading = next((h for h, n in table.places.items() if n + 1 == finding.column), "")
        row = table.rows[number - 1] if 0 < number <= len(table.rows) else []
        given = cell_text(row[finding.column - 1]) if finding.column <= len(row) else ""
        fault = fault_of(finding)
        is_of_heading = bool(heading) and fault.label.endswith(heading)
        self.fault(
            table.sheet,
            number,
            finding.column,
            heading or fault.label,
            given,
            fault.message if is_of_heading else Message("{label}：{message}", label=fault.label, message=fault.message),
            finding.source,
        )


def _placed(row: _Row, items: Sequence[_Row], document: Mapping[str, Any]) -> Document:
    """Return the content with the cell of each of its parts."""
    places: dict[Path, Place] = {(): Place(row.number, row.places[("gov", "govResourceCode")])}
    _mark(places, (), document, row.places, row.number)
    columns = document["schema"][0].get("properties", [])
    for path, column in row.places.items():
        if path[0] == "schema":
            places[("schema", 0, *path[1:])] = Place(row.number, column)
    for position, content in enumerate(columns):
        item = items[position] if position < len(items) else row
        number = item.number + OTHER_SHEET if item is not row else row.number
        base: Path = ("schema", 0, "properties", position)
        places[base] = Place(number, item.places.get(("businessName",), 1))
        if item is not row:
            _mark(places, base, content, item.places, number)
    return Document(data=dict(document), places=places)


def _mark(
    places: dict[Path, Place], base: Path, content: Mapping[str, Any], columns: Mapping[tuple[str, ...], int], row: int
) -> None:
    entries = content.get("customProperties", [])
    at = {entry["property"]: n for n, entry in enumerate(entries) if isinstance(entry, dict) and "property" in entry}
    for path, column in columns.items():
        where = Place(row, column)
        if path[0] != "gov":
            places[(*base, *path)] = where
            continue
        inside = (*base, "customProperties", at[path[1]], "value") if path[1] in at else (*base, path[1])
        places.setdefault(inside, where)
        places[(*inside, *path[2:])] = where


def _merged(held: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``held`` with what is stated put over it, inside mappings too."""
    merged = dict(held)
    for name, value in stated.items():
        before = merged.get(name)
        merged[name] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged
