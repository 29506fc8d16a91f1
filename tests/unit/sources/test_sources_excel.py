"""The table of a workbook is found under merged titles; cells become text; footnotes are no rows."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import xlsxwriter

from lakehouse.sources import SourceError
from lakehouse.sources.excel import read_excel
from lakehouse.sources.received import ParquetPart

EXPECTED = ["编号", "金额", "日期"]


def workbook(path: Path, rows: list[list[Any]], sheet: str = "名册", first_column: int = 0) -> Path:
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("填表说明")
        page = book.add_worksheet(sheet)
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for y, row in enumerate(rows):
            for x, cell in enumerate(row, start=first_column):
                if isinstance(cell, datetime.date):
                    page.write_datetime(y, x, datetime.datetime(cell.year, cell.month, cell.day), day)
                else:
                    page.write(y, x, cell)
    return path


def read(path: Path, sheet: str | None = "名册") -> tuple[list[str], list[dict[str, str | None]]]:
    received = read_excel(path, sheet, EXPECTED, path.parent)
    rows = []
    for part in received.parts:
        assert isinstance(part, ParquetPart)
        rows += pq.read_table(part.path).to_pylist()
    return received.columns, rows


def test_the_header_is_found_below_titles_and_beside_an_empty_column(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "a.xlsx",
        [["某局名册（2026年3月）"], ["基本信息", "业务信息"], EXPECTED, ["A1", 5963.5, datetime.date(2026, 2, 10)]],
        first_column=1,
    )
    assert read(path) == (EXPECTED, [{"编号": "A1", "金额": "5963.5", "日期": "2026-02-10"}])


def test_cells_become_the_text_that_excel_shows(tmp_path: Path) -> None:
    cells = [["1", 5, 45000], [" B ", "5.50", "2026-01-01"], [18.0, 0.1 + 0.2, "20260101"], ["C", True, ""]]
    _, rows = read(workbook(tmp_path / "a.xlsx", [EXPECTED, *cells]))
    assert [list(row.values()) for row in rows] == [
        ["1", "5", "45000"],
        ["B", "5.50", "2026-01-01"],
        ["18", "0.3", "20260101"],
        ["C", "true", None],
    ]


@pytest.mark.parametrize("footnote", ["合计", "合  计", "备注：仅供参考", "注：见下", "填表人：张三", "总计"])
def test_rows_end_at_a_footnote(tmp_path: Path, footnote: str) -> None:
    path = workbook(
        tmp_path / "a.xlsx", [EXPECTED, ["A", 1, "2026-01-01"], [footnote, 1, None], ["Z", 1, "2026-01-01"]]
    )
    assert [row["编号"] for row in read(path)[1]] == ["A"]


def test_blank_rows_and_subtotals_do_not_end_the_table(tmp_path: Path) -> None:
    rows = [EXPECTED, ["A", 1, "2026-01-01"], [], ["小计", 1], ["B", 2, "2026-01-02"]]
    assert [row["编号"] for row in read(workbook(tmp_path / "a.xlsx", rows))[1]] == ["A", "B"]


def test_formulas_are_their_results_not_code(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet("名册")
        page.write_row(0, 0, EXPECTED)
        page.write_formula(1, 0, '=HYPERLINK("http://example.invalid","A1")', value="A1")
        page.write_string(1, 1, '=cmd|"/c calc"!A0')
    assert list(read(path)[1][0].values()) == ["A1", '=cmd|"/c calc"!A0', None]


@pytest.mark.parametrize(
    ("sheet", "rows", "rule"),
    [
        ("别的", [EXPECTED], "schema.missing_column"),
        ("名册", [["完全", "不同", "的表"]], "schema.missing_column"),
    ],
)
def test_a_missing_sheet_or_header_is_told(tmp_path: Path, sheet: str, rows: list[list[Any]], rule: str) -> None:
    with pytest.raises(SourceError) as refused:
        read(workbook(tmp_path / "a.xlsx", rows), sheet)
    assert refused.value.rule == rule


def test_a_damaged_workbook_is_incomplete(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [EXPECTED])
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(SourceError, match=r"delivery\.incomplete"):
        read(path)
