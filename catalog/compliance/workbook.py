"""The monthly report as an Excel workbook: 总览, 趋势, 各项义务, and 证据 of what is not met. A text is never a formula."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import xlsxwriter

from catalog.compliance.board import outcomes
from catalog.compliance.duties import BY_CODE
from catalog.compliance.model import Status
from catalog.compliance.report import Report

STATUS_NAMES = {
    Status.MET: "履行",
    Status.LATE: "迟延或有瑕疵",
    Status.BREACHED: "未履行",
    Status.NOT_APPLICABLE: "不涉及",
    Status.UNKNOWN: "无法判定",
}
_COLOURS = {
    Status.MET: "#EBF8EE",
    Status.LATE: "#FFF5E0",
    Status.BREACHED: "#FFF0EF",
    Status.NOT_APPLICABLE: "#FFFFFF",
    Status.UNKNOWN: "#EEF1F5",
}
_SHEETS = {
    "总览": ("部门", "得分", "计算", *STATUS_NAMES.values()),
    "各项义务": (
        "部门",
        "条款",
        "义务",
        "应由",
        "核对内容",
        "时限",
        "结果",
        "件数",
        "其中有问题",
        "说明",
        "可能的责任",
    ),
    "证据": ("部门", "条款", "义务", "结果", "对象", "情况", "到期日", "办结日"),
}
_WIDTHS = {
    "部门": 24,
    "计算": 26,
    "义务": 34,
    "核对内容": 48,
    "时限": 26,
    "说明": 44,
    "情况": 60,
    "对象": 26,
    "条款": 10,
    "应由": 10,
}
_USUAL_WIDTH = 13


def report_workbook(report: Report, names: Mapping[str, str], city: str) -> bytes:
    """Return the workbook of a report; ``names`` are the departments', ``city`` what stands for all of them."""
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"title": f"{city}政务数据共享履职月报 {report.month}"})
        _Writer(book, report, names, city).write()
    return buffer.getvalue()


class _Writer:
    def __init__(self, book: Any, report: Report, names: Mapping[str, str], city: str) -> None:
        self._book, self._report, self._names, self._city = book, report, names, city
        self._head = book.add_format({"bold": True, "bg_color": "#F0F4FA", "bottom": 1, "text_wrap": True})
        self._wrap = book.add_format({"text_wrap": True, "valign": "top"})
        self._score = book.add_format({"num_format": "0.00", "valign": "top"})
        self._status = {
            status: book.add_format({"bg_color": colour, "valign": "top"}) for status, colour in _COLOURS.items()
        }

    def write(self) -> None:
        self._sheet("总览", _SHEETS["总览"], self._overview())
        self._sheet("趋势", ("月份", self._city, *self._depts()), self._trend())
        self._sheet("各项义务", _SHEETS["各项义务"], self._duties())
        self._sheet("证据", _SHEETS["证据"], self._evidence())

    def _depts(self) -> list[str]:
        return [self._name(dept) for dept in self._report.depts]

    def _name(self, dept: str) -> str:
        return self._names.get(dept, dept)

    def _overview(self) -> Iterable[Sequence[Any]]:
        for card in (self._report.whole, *self._report.cards):
            counts = [card.counts[status] for status in STATUS_NAMES]
            yield (self._name(card.dept) if card.dept else self._city, card.score, card.computation, *counts)

    def _trend(self) -> Iterable[Sequence[Any]]:
        for month, scores in self._report.trend.items():
            yield (month, scores[""], *(scores[dept] for dept in self._report.depts))

    def _duties(self) -> Iterable[Sequence[Any]]:
        for dept in self._report.depts:
            for code, outcome in outcomes(self._report.evidence, dept).items():
                duty = BY_CODE[code]
                yield (
                    self._name(dept),
                    duty.basis,
                    duty.title,
                    duty.owner.value,
                    duty.measured,
                    duty.limit,
                    outcome.status,
                    outcome.count,
                    outcome.wrong,
                    outcome.note,
                    f"第 {duty.penalty} 条" if duty.penalty else "",
                )

    def _evidence(self) -> Iterable[Sequence[Any]]:
        for dept in self._report.depts:
            for code, outcome in outcomes(self._report.evidence, dept).items():
                duty = BY_CODE[code]
                for row in outcome.rows:
                    if row.status is Status.MET:
                        continue
                    due, done = (str(day) if day else "" for day in (row.due_on, row.done_on))
                    yield (self._name(dept), duty.basis, duty.title, row.status, row.subject, row.text, due, done)

    def _sheet(self, name: str, titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        sheet = self._book.add_worksheet(name)
        for column, title in enumerate(titles):
            sheet.set_column(column, column, _WIDTHS.get(title, _USUAL_WIDTH))
            sheet.write_string(0, column, title, self._head)
        last = 0
        for last, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                self._cell(sheet, last, column, value)
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, last, len(titles) - 1)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)

    def _cell(self, sheet: Any, row: int, column: int, value: Any) -> None:
        if isinstance(value, Status):
            sheet.write_string(row, column, STATUS_NAMES[value], self._status[value])
        elif isinstance(value, (int, float)):
            sheet.write_number(row, column, value, self._score if isinstance(value, float) else self._wrap)
        elif value is not None:
            sheet.write_string(row, column, value, self._wrap)
