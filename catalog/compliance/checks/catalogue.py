"""编目: articles 13 to 19. What the entries state, when they were assessed and signed, how changes went, one source."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from catalog.access.decide import CONDITIONAL, NOT_SHARED, UNCONDITIONAL
from catalog.compliance.checks.clocks import clock_row, is_of_month
from catalog.compliance.evidence import Change, Entry, Evidence
from catalog.compliance.model import Outcome, Row, Status, judged, not_applicable, unknown
from catalog.contract.city_time import city_day
from catalog.sharing.clock import Clock

NO_CATALOGUE = "这一天没有已发布（且仍保留）的目录版本，目录条目无从核对"
NO_CHANGES = "目录修订流程的事项（起因日期、提交、审核发布）没有接入"
FIELDS = (
    "数据目录名称", "数据项", "提供单位", "数据格式", "更新频率", "共享属性", "共享方式", "使用条件", "数据分类分级",
)  # fmt: skip
FAILED, LATE_SUPPLY = "未供", "逾期"


def fields(evidence: Evidence, dept: str) -> Outcome:
    """Article 13: every listed entry states what the catalogue must state."""
    return _of_entries(evidence, dept, _missing_fields)


def assessed(evidence: Evidence, dept: str) -> Outcome:
    """Article 13: both assessments precede the head's sign-off, and the sign-off precedes the listing."""
    at = evidence.published.published_at
    listed_on = city_day(at) if at else None
    return _of_entries(evidence, dept, lambda entry: _missing_assessments(entry, listed_on))


def attribute(evidence: Evidence, dept: str) -> Outcome:
    """Article 14: a sharing attribute of the three, and no condition on what is shared without conditions."""
    return _of_entries(evidence, dept, _attribute_faults)


def conditions(evidence: Evidence, dept: str) -> Outcome:
    """Article 15: conditional sharing states scope and permitted use; refusing to share states reason and legal basis."""
    return _of_entries(evidence, dept, _condition_faults)


def update(evidence: Evidence, dept: str) -> Outcome:
    """Article 17: the department submits a changed entry within the limit after the cause of the change."""
    return _of_changes(evidence, dept, lambda change: [change.update] if change.update else [], "目录更新")


def review(evidence: Evidence, _dept: str) -> Outcome:
    """Article 17: the bureau reviews and publishes within its limit; of all departments' changes."""
    return _of_changes(evidence, None, lambda change: change.reviews, "目录审核发布")


def source(evidence: Evidence, dept: str) -> Outcome:
    """Article 19: what a 数源部门 answers for is complete, accurate and available."""
    entries = evidence.published.entries
    if entries is None:
        return unknown(NO_CATALOGUE)
    if evidence.published.supplies is None or evidence.published.failing is None:
        return unknown("这一天没有已发布的供应状态与质量检查结果")
    mine = [entry for entry in evidence.published.entries_of(dept) if entry.authority_items]
    return judged([_source_row(evidence, entry) for entry in mine], note=resting_on(evidence))


def contradictions(evidence: Evidence, dept: str) -> Outcome:
    """Article 19: what others state agrees with the 数源部门; a contradiction is a defect until it is corrected."""
    if evidence.published.conflicts is None:
        return unknown("这一天没有已发布的数据比对结果（governance.fact_conflict）")
    rows = [
        Row(
            Status.LATE,
            "entry",
            f"{conflict.dept}.{conflict.resource}",
            f"“{conflict.fact}”有 {conflict.entities} 个实体与数源 {conflict.authority} 不一致",
        )
        for conflict in evidence.published.conflicts_of(dept)
    ]
    asserted = len(evidence.published.entries_of(dept))
    if not rows and not asserted:
        return not_applicable()
    return judged(rows, met=max(0, asserted - len({row.subject for row in rows})), note=resting_on(evidence))


def resting_on(evidence: Evidence) -> str:
    """Say which published state the figures are of."""
    at = evidence.published.published_at
    when = f"，发布于 {at:%Y-%m-%d %H:%M}" if at else ""
    return f"依据数据版本 {evidence.published.snapshot}{when}" if evidence.published.snapshot else "依据当前契约"


def _of_entries(evidence: Evidence, dept: str, faults: Callable[[Entry], list[str]]) -> Outcome:
    if evidence.published.entries is None:
        return unknown(NO_CATALOGUE)
    entries, rows = evidence.published.entries_of(dept), []
    for entry in entries:
        found = faults(entry)
        if found:
            rows.append(Row(Status.BREACHED, "entry", entry.key, f"{entry.name}：{'；'.join(found)}"))
    return judged(rows, met=len(entries) - len(rows), note=resting_on(evidence) if entries else "")


def _missing_fields(entry: Entry) -> list[str]:
    stated = (
        entry.name,
        entry.items,
        entry.provider,
        entry.format_name,
        entry.update_cycle,
        entry.share_type,
        entry.methods or entry.share_type == NOT_SHARED,
        entry.share_type != CONDITIONAL or entry.share_scope or entry.usage,
        entry.grade,
    )
    if all(stated):
        return []
    return [f"缺少{'、'.join(name for name, value in zip(FIELDS, stated, strict=True) if not value)}"]


def _missing_assessments(entry: Entry, listed_on: date | None) -> list[str]:
    found = []
    if entry.secrecy_on is None:
        found.append("没有保密风险评估")
    if entry.privacy_on is None:
        found.append("没有个人信息保护影响评估")
    if entry.signed_on is None:
        found.append("没有负责人签发")
    elif listed_on is not None and entry.signed_on > listed_on:
        found.append(f"签发（{entry.signed_on}）晚于发布（{listed_on}）")
    else:
        late = [on for on in (entry.secrecy_on, entry.privacy_on) if on is not None and on > entry.signed_on]
        found += [f"评估（{on}）晚于签发（{entry.signed_on}）" for on in late]
    return found


def _attribute_faults(entry: Entry) -> list[str]:
    found = []
    if entry.share_type not in (UNCONDITIONAL, CONDITIONAL, NOT_SHARED):
        found.append("没有共享属性")
    if entry.share_type == UNCONDITIONAL and (entry.share_scope or entry.share_purposes):
        found.append("无条件共享的数据附加了条件")
    return found


def _condition_faults(entry: Entry) -> list[str]:
    if entry.share_type == CONDITIONAL:
        stated = {"共享范围": entry.share_scope, "使用用途": entry.share_purposes}
    elif entry.share_type == NOT_SHARED:
        stated = {"依据": entry.no_share_law, "条款": entry.no_share_article, "理由": entry.no_share_reason}
    else:
        return []
    absent = [name for name, value in stated.items() if not value]
    return [f"没有写明{'、'.join(absent)}"] if absent else []


def _of_changes(
    evidence: Evidence, dept: str | None, clocks: Callable[[Change], Iterable[Clock]], what: str
) -> Outcome:
    if evidence.changes is None:
        return unknown(NO_CHANGES)
    return judged(
        [
            clock_row(evidence, "change", change.number, what, clock)
            for change in evidence.changes
            if dept in (None, change.dept)
            for clock in clocks(change)
            if is_of_month(evidence, clock.started_on, clock.stopped_on)
        ]
    )


def _source_row(evidence: Evidence, entry: Entry) -> Row:
    supply, failing = evidence.published.supply.get(entry.key), evidence.published.failing_of(entry.key)
    state = supply.status if supply else FAILED
    critical = sum(check.is_critical for check in failing)
    text = f"{entry.name}：{state}，{len(failing)} 项质量检查未通过（其中阻断级 {critical} 项）"
    if state == FAILED or critical:
        status = Status.BREACHED
    else:
        status = Status.LATE if state == LATE_SUPPLY or failing else Status.MET
    return Row(status, "entry", entry.key, text)
