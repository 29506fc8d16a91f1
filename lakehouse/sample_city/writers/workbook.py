"""Excel as people make it: a title over the table, merged group headings, an empty column, text where numbers belong.

The shape is always the same: sheet row 1 the merged title, row 2 the merged group headings, row 3 the column headers
(the contract's physical names), column A empty, rows from 4 on the data, then a 合计 row and a 备注 row.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import xlsxwriter

from catalog.contract.model import Contract, Property
from catalog.contract.vocabulary import Vocabulary
from lakehouse.sample_city.batch import Batch, Extra
from lakehouse.sample_city.rendering import style_of
from lakehouse.sample_city.writers.segments import segments

CREATED = datetime(2026, 6, 30, 8, 0, 0)
HEADER_ROW, FIRST_COLUMN = 2, 1
GUIDE_SHEET = "填表说明"
NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,6})?")
ISO_DATE = re.compile(r"(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])")
TEXT_SHARE = 35  # per cent of number and date cells that are stored as text


def write_workbook(batch: Batch, contract: Contract, vocabulary: Vocabulary, path: Path) -> None:
    """Write one Excel delivery."""
    book = xlsxwriter.Workbook(str(path), {"in_memory": True})
    book.set_properties({"title": contract.name, "comments": "合成数据，仅用于演示与测试。", "created": CREATED})
    bold = book.add_format({"bold": True, "align": "center", "border": 1})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet(contract.gov.source.sheet)
    _headings(sheet, batch, contract, vocabulary, bold)
    row = HEADER_ROW + 1
    for cells in _rows(batch, contract):
        for column, prop in enumerate(contract.properties, start=FIRST_COLUMN):
            _write_cell(sheet, row, column, prop, cells[prop.name], day)
        row += 1
    _footnotes(sheet, row, row - HEADER_ROW - 1, len(contract.properties))
    _guide(book.add_worksheet(GUIDE_SHEET), contract)
    book.close()


def _headings(
    sheet: xlsxwriter.worksheet.Worksheet, batch: Batch, contract: Contract, vocabulary: Vocabulary, bold: object
) -> None:
    last = FIRST_COLUMN + len(contract.properties) - 1
    department = vocabulary.departments[contract.dept].name
    sheet.merge_range(
        0, FIRST_COLUMN, 0, last, f"{department}{contract.name}（{period(contract, batch.data_date)}）", bold
    )
    split = FIRST_COLUMN + len(contract.properties) // 2
    sheet.merge_range(1, FIRST_COLUMN, 1, split, "基本信息", bold)
    if last - split > 1:
        sheet.merge_range(1, split + 1, 1, last, "业务信息", bold)
    else:
        sheet.write_string(1, last, "业务信息", bold)
    for column, prop in enumerate(contract.properties, start=FIRST_COLUMN):
        sheet.write_string(HEADER_ROW, column, prop.physical_name, bold)
    sheet.set_column(0, 0, 2)
    sheet.set_column(FIRST_COLUMN, last, 20)


def period(contract: Contract, data_date: date | None) -> str:
    """Say in Chinese what span a delivery is about."""
    if data_date is None:
        raise ValueError(f"{contract.key} has no data date")
    match contract.gov.update_cycle:
        case "每季度":
            return f"{data_date.year}年第{(data_date.month + 2) // 3}季度"
        case "每年":
            return f"{data_date.year}年度"
        case _:
            return f"{data_date.year}年{data_date.month}月"


def _rows(batch: Batch, contract: Contract) -> Iterator[dict[str, str | None]]:
    for segment in segments(batch, style_of(contract)):
        if isinstance(segment, Extra):
            yield segment.cells
        else:
            yield from segment.iter_rows(named=True)


def _write_cell(
    sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, prop: Property, text: str | None, day: object
) -> None:
    if text is None or text == "":
        return
    # The same value is always stored in the same way, so that two identical rows stay identical.
    as_text = zlib.crc32(f"{prop.name}={text}".encode()) % 100 < TEXT_SHARE
    if prop.logical_type in ("number", "integer") and not as_text and NUMBER.fullmatch(text):
        sheet.write_number(row, column, float(text))
    elif prop.logical_type == "date" and not as_text and ISO_DATE.fullmatch(text):
        sheet.write_datetime(row, column, datetime.fromisoformat(text), day)
    else:
        sheet.write_string(row, column, text)


def _footnotes(sheet: xlsxwriter.worksheet.Worksheet, row: int, count: int, width: int) -> None:
    sheet.write_string(row, FIRST_COLUMN, "合计")
    sheet.write_string(row, FIRST_COLUMN + 1, f"共 {count} 条")
    note = "备注：本表所列人员、单位均为合成数据，仅用于演示与测试。"
    sheet.merge_range(row + 1, FIRST_COLUMN, row + 1, FIRST_COLUMN + width - 1, note)


def _guide(sheet: xlsxwriter.worksheet.Worksheet, contract: Contract) -> None:
    sheet.write_string(0, 0, f"{contract.name}填表说明")
    for row, prop in enumerate(contract.properties, start=1):
        sheet.write_string(row, 0, f"{row}. {prop.business_name}：{'必填' if prop.required else '选填'}")
