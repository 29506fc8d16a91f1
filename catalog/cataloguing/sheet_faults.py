"""Faults of a workbook by their cells, and all of them as a file: Excel, or CSV that a spreadsheet opens harmlessly."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

HEADINGS = ("工作表", "行", "列", "单元格", "字段", "填写的内容", "问题", "依据")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, order=True)
class CellFault:
    """What is wrong in one cell: sheet, row and column as Excel counts them, the heading, what stands there, what to do."""

    sheet: str
    row: int
    column: int
    heading: str
    given: str
    message: str
    source: str

    @property
    def cell(self) -> str:
        """The cell as Excel names it, such as ``C12``."""
        return f"{xl_col_to_name(self.column - 1)}{self.row}"

    def to_json(self) -> dict[str, Any]:
        """Return the fault as a JSON object."""
        return {**self.__dict__, "cell": self.cell}


def cell_place(cell: str) -> tuple[int, int]:
    """Return (row, column) of a cell that Excel names, (1, 1) for what is no name."""
    match = re.fullmatch(r"([A-Z]+)(\d+)", cell)
    if match is None:
        return 1, 1
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]), column


def faults_csv(faults: Sequence[CellFault]) -> bytes:
    """Return faults as a table of texts that a spreadsheet opens; what looks like a formula is kept from being one."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    for fault in faults:
        writer.writerow([no_formula(text) for text in _cells(fault)])
    return b"\xef\xbb\xbf" + buffer.getvalue().encode()


def faults_excel(faults: Sequence[CellFault]) -> bytes:
    """Return faults as a workbook of texts."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("问题清单")
        plain = book.add_format({"num_format": "@", "quote_prefix": True, "valign": "top"})
        bold = book.add_format({"bold": True, "bg_color": "#D9E7FB"})
        for column, heading in enumerate(HEADINGS):
            sheet.write_string(0, column, heading, bold)
            sheet.set_column(column, column, 40 if heading == "问题" else 16)
        for row, fault in enumerate(faults, start=1):
            for column, text in enumerate(_cells(fault)):
                sheet.write_string(row, column, text, plain)
        sheet.freeze_panes(1, 0)
    return buffer.getvalue()


def _cells(fault: CellFault) -> tuple[str, ...]:
    column = fault.cell.rstrip("0123456789")
    return (
        fault.sheet,
        str(fault.row),
        column,
        fault.cell,
        fault.heading,
        fault.given,
        fault.message,
        fault.source,
    )


def no_formula(text: str) -> str:
    """Return a text of a CSV file so that no spreadsheet takes it for a formula: a leading apostrophe keeps it text."""
    return f"'{text}" if text.startswith(_FORMULA) else text
