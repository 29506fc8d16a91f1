"""供数与回流: the promised update cycle of article 13, and the return flow of article 24."""

from __future__ import annotations

from collections.abc import Callable

from catalog.compliance.checks.catalogue import FAILED, LATE_SUPPLY, NO_CATALOGUE, resting_on
from catalog.compliance.evidence import Entry, Evidence, Supply
from catalog.compliance.model import SHOWN_ROWS, Outcome, Row, Status, judged, unknown

NO_SUPPLY = "这一天没有已发布的供应状态（catalogue.supply_status）"


def cycle(evidence: Evidence, dept: str) -> Outcome:
    """Article 13: data come as often as the entry promises."""
    return _supplied(evidence, dept, lambda _: True)


def reflow(evidence: Evidence, dept: str) -> Outcome:
    """Article 24: return flow 回流 to lower levels comes promptly."""
    entries = evidence.published.entries
    if entries is not None and entries and all(entry.is_reflow is None for entry in entries):
        return unknown("这一天的目录版本没有记载哪些是回流数据")
    return _supplied(evidence, dept, lambda entry: bool(entry.is_reflow))


def _supplied(evidence: Evidence, dept: str, wanted: Callable[[Entry], bool]) -> Outcome:
    if evidence.published.entries is None:
        return unknown(NO_CATALOGUE)
    mine = [entry for entry in evidence.published.entries_of(dept) if wanted(entry)]
    if mine and evidence.published.supplies is None:
        return unknown(NO_SUPPLY)
    supply = evidence.published.supply
    wrong: list[tuple[Entry, Supply | None]] = []
    met: list[tuple[Entry, Supply | None]] = []
    for entry in mine:
        found = supply.get(entry.key)
        (wrong if found is None or found.status in (FAILED, LATE_SUPPLY) else met).append((entry, found))
    rows = [_row(*one) for one in (*wrong, *met[:SHOWN_ROWS])]  # by key already: no more can be shown
    return judged(rows, met=len(met[SHOWN_ROWS:]), note=resting_on(evidence) if mine else "")


def _row(entry: Entry, found: Supply | None) -> Row:
    if found is None or found.status == FAILED:
        return Row(Status.BREACHED, "entry", entry.key, f"{entry.name}：承诺{entry.update_cycle}更新，从未供数")
    age = f"，距今 {found.age_days} 天" if found.age_days is not None else ""
    text = f"{entry.name}：承诺{found.update_cycle}更新，最新数据 {found.newest_on or '没有日期'}{age}"
    return Row(Status.LATE if found.status == LATE_SUPPLY else Status.MET, "entry", entry.key, text)
