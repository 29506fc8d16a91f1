"""The catalogue as an Excel workbook in the 1272号 form: sheets 目录 and 信息项. What the form lacks follows in further columns.

Every cell is written as text, in a text format with the quote mark set, so that nothing in it can become a formula, not
even when somebody edits it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import xlsxwriter

from catalog.cataloguing.form import (
    ENTRY_FIELDS,
    ITEM_FIELDS,
    LONGEST_CELL,
    UNSAFE,
    FormField,
    choices_of,
    fold_contract,
    split,
)
from catalog.contract.vocabulary import Vocabulary

ENTRIES, ITEMS, LISTS = "目录", "信息项", "值域"
CODE, TITLE, NUMBER, REST = "信息资源代码", "信息资源名称", "序号", "其他字段"
SPARE_ROWS = 200  # rows below the last one that have their lists too
_WIDTHS = {"long": 44, "text": 20, "code": 22, "number_code": 16, "list": 24, "date": 14, "flag": 9, "number": 9}
_EXCEL = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}


def workbook_of(documents: Iterable[Mapping[str, Any]], vocabulary: Vocabulary) -> bytes:
    """Return the workbook of contracts (each the content of its file); an empty form when there are none."""
    choices = choices_of(vocabulary)
    entries: list[list[str]] = []
    items: list[list[str]] = []
    for document in documents:
        folded, columns = fold_contract(document)
        texts, rest = split(folded, ENTRY_FIELDS, choices)
        entries.append([*(texts.get(field.name, "") for field in ENTRY_FIELDS), *_pieces(rest)])
        for position, column in enumerate(columns, start=1):
            texts_of_item, rest_of_item = split(column, ITEM_FIELDS, choices)
            cells = [texts_of_item.get(field.name, "") for field in ITEM_FIELDS]
            owner = [texts.get("resource_code", ""), texts.get("title", ""), str(position)]
            items.append([*owner, *cells, *_pieces(rest_of_item)])
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, _EXCEL) as book:
        pen = _Pen(book)
        entry_sheet, item_sheet = book.add_worksheet(ENTRIES), book.add_worksheet(ITEMS)
        lists = pen.lists(choices)
        pen.table(entry_sheet, list(ENTRY_FIELDS), entries, lists)
        head = [FormField("", heading, ()) for heading in (CODE, TITLE, NUMBER)]
        pen.table(item_sheet, [*head, *ITEM_FIELDS], items, lists)
    return buffer.getvalue()


def _pieces(rest: Mapping[str, Any]) -> list[str]:
    """Return the rest as JSON in pieces that fit into cells."""
    text = json.dumps(rest, ensure_ascii=False, sort_keys=True)
    if UNSAFE.search(text):
        text = json.dumps(rest, ensure_ascii=True, sort_keys=True).replace("_x", "\\u005fx").replace("\x7f", "\\u007f")
    return [text[start : start + LONGEST_CELL] for start in range(0, len(text), LONGEST_CELL)]


class _Pen:
    """Writes the sheets of one workbook."""

    def __init__(self, book: Any) -> None:
        self._book = book
        plain = {"num_format": "@", "quote_prefix": True, "valign": "top", "font_size": 10}
        self._text = book.add_format(plain)
        self._long = book.add_format({**plain, "text_wrap": True})
        head = {
            "bold": True,
            "font_size": 10,
            "border": 1,
            "border_color": "#B9C4D4",
            "text_wrap": True,
            "valign": "top",
        }
        self._guide = book.add_format({**head, "bg_color": "#D9E7FB"})
        self._further = book.add_format({**head, "bg_color": "#EEF1F5"})

    def lists(self, choices: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """Write the lists that cells choose from; return the range of each."""
        sheet = self._book.add_worksheet(LISTS)
        ranges = {}
        for column, (name, codes) in enumerate(choices.items()):
            sheet.write_string(0, column, name, self._further)
            for row, (code, label) in enumerate(codes.items(), start=1):
                sheet.write_string(row, column, code if code == label else f"{code} {label}", self._text)
            letter = xlsxwriter.utility.xl_col_to_name(column)
            ranges[name] = f"={LISTS}!${letter}$2:${letter}${len(codes) + 1}"
        sheet.hide()
        return ranges

    def table(
        self, sheet: Any, fields: Sequence[FormField], rows: Sequence[Sequence[str]], lists: Mapping[str, str]
    ) -> None:
        """Write a table with its headings, its column widths and its lists."""
        for column, field in enumerate(fields):
            style = self._guide if field.is_guide or not field.name else self._further
            sheet.write_string(0, column, field.heading, style)
            sheet.set_column(column, column, _WIDTHS[field.kind], self._text)
            if field.choices and field.kind != "list":
                rule = {"validate": "list", "source": lists[field.choices], "ignore_blank": True}
                rule |= {"error_title": field.heading, "error_message": "请从列表中选择", "error_type": "warning"}
                sheet.data_validation(1, column, len(rows) + SPARE_ROWS, column, rule)
        width = max([len(fields) + 1, *map(len, rows)])
        for column in range(len(fields), width):
            number = column - len(fields) + 1
            sheet.write_string(0, column, REST if number == 1 else f"{REST}{number}", self._further)
            sheet.set_column(column, column, 20, self._text)
        for row, cells in enumerate(rows, start=1):
            for column, text in enumerate(cells):
                is_long = column < len(fields) and fields[column].kind == "long"
                if text:
                    sheet.write_string(row, column, text, self._long if is_long else self._text)
        sheet.freeze_panes(1, 3)
        sheet.autofilter(0, 0, max(len(rows), 1), width - 1)
