"""What the Regulations on Government Data Sharing ask of a catalogue entry (条例第十三至二十二条)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.contract.checks.subject import Context, Subject, mapping, sequence, text
from catalog.contract.finding import GRADING, GUIDE, Finding, law

ARTICLE = re.compile(r"第[一二三四五六七八九十百零\d]+条")
SENSITIVE_GRADE = 3
FREQUENCIES = {
    "实时": {(1, "h"), (1, "hour"), (1, "m"), (1, "min"), (1, "minute")},
    "每日": {(1, "d"), (1, "day"), (24, "h")},
    "每周": {(7, "d"), (1, "w"), (1, "week")},
    "每月": {(1, "m"), (1, "month")},
    "每季度": {(3, "m"), (3, "month"), (1, "q")},
    "每年": {(1, "y"), (1, "year"), (12, "m")},
}


def sharing_faults(subject: Subject, _context: Context) -> Iterator[Finding]:
    """Yield faults of the sharing attribute, opening, assessments and update cycle."""
    yield from _attribute(subject)
    yield from _usage(subject)
    yield from _opening(subject)
    yield from _assessments(subject)
    yield from _frequency(subject)


def _attribute(subject: Subject) -> Iterator[Finding]:
    share_type, gov = subject.gov.get("govShareType"), subject.gov
    if share_type == 2 and not gov.get("govShareCondition"):
        message = "有条件共享 without conditions; add govShareCondition with scope (共享范围) and purposes (使用用途)"
        yield subject.fault(subject.at("govShareType"), "share.condition", message, law(15))
    if share_type == 1 and gov.get("govShareCondition"):
        message = (
            "无条件共享 may not set conditions; take govShareCondition away, or make it 2 有条件共享 with its reason"
        )
        yield subject.fault(subject.at("govShareCondition"), "share.condition", message, law(15))
    if share_type == 3 and not gov.get("govNoShareBasis"):
        message = (
            "不予共享 without a legal basis; add govNoShareBasis with law, article and reason "
            "(法律、行政法规或国务院决定)"
        )
        yield subject.fault(subject.at("govShareType"), "share.basis", message, law(15))
    if share_type in (1, 2) and gov.get("govNoShareBasis"):
        message = f"govNoShareBasis belongs to 3 不予共享, govShareType is {share_type}; take one of them away"
        yield subject.fault(subject.at("govNoShareBasis"), "share.basis", message, law(15))
    yield from _basis(subject)
    yield from _methods(subject, share_type)


def _basis(subject: Subject) -> Iterator[Finding]:
    article = text(mapping(subject.gov.get("govNoShareBasis")).get("article"))
    if article and not ARTICLE.search(article):
        message = f"{article!r} names no article; write it as 第八十四条"
        yield subject.fault((*subject.at("govNoShareBasis"), "article"), "share.article", message, law(15))


def _methods(subject: Subject, share_type: object) -> Iterator[Finding]:
    methods = sequence(subject.gov.get("govShareMethods"))
    if share_type in (1, 2) and not methods:
        message = "no way to share is named; write at least one of 服务接口、批量交换、文件下载"
        yield subject.fault(subject.at("govShareMethods"), "share.methods", message, law(22))
    if share_type == 3 and methods:
        message = "不予共享 has no way of sharing; take govShareMethods away"
        yield subject.fault(subject.at("govShareMethods"), "share.methods", message, law(15))


def _usage(subject: Subject) -> Iterator[Finding]:
    """What may be shared states its 使用条件; what may not has none."""
    is_shared = subject.gov.get("govShareType") in (1, 2) and subject.data.get("status") == "active"
    if is_shared and not text(mapping(subject.data.get("description")).get("usage")).strip():
        message = "active without 使用条件; say in description.usage what the data may be used for"
        yield subject.fault(("description", "usage"), "usage.missing", message, law(13))


def _opening(subject: Subject) -> Iterator[Finding]:
    if subject.gov.get("govOpen") is not True:
        return
    condition = subject.gov.get("govOpenCondition")
    if subject.gov.get("govShareType") == 3:
        message = "what may not be shared may not be opened to society; write govOpen: false"
        yield subject.fault(subject.at("govOpen"), "open.no_share", message, law(15))
    grades = {column.name: text(column.raw.get("classification")) for column in subject.columns}
    sensitive = [name for name, grade in grades.items() if grade.isdigit() and int(grade) >= SENSITIVE_GRADE]
    if sensitive and not condition:
        message = (
            f"open to society with columns of grade {SENSITIVE_GRADE} and above ({', '.join(sensitive)}); "
            "say in govOpenCondition how they are masked or left out, or do not open"
        )
        yield subject.fault(subject.at("govOpen"), "open.grade", message, GRADING)


def _assessments(subject: Subject) -> Iterator[Finding]:
    dates = mapping(subject.gov.get("govAssessments"))
    names = {
        "secrecy": ("secrecy", "保密风险评估"),
        "personalInformation": ("personal_information", "个人信息保护影响评估"),
        "signOff": ("sign_off", "负责人签发"),
    }
    stated = {key: text(dates.get(key) or dates.get(snake)) for key, (snake, _) in names.items()}
    place = subject.at("govAssessments")
    if subject.data.get("status") == "active":
        for key, (snake, name) in names.items():
            if not stated[key]:
                message = f"active without {name}; date it under govAssessments.{snake}, or leave status: draft"
                yield subject.fault(place, "assessment.missing", message, law(13))
    signed = stated["signOff"]
    for key in ("secrecy", "personalInformation"):
        if signed and stated[key] > signed:
            message = f"{names[key][1]} ({stated[key]}) comes after the sign-off ({signed}); it must precede it"
            yield subject.fault(place, "assessment.order", message, law(13))


def _frequency(subject: Subject) -> Iterator[Finding]:
    cycle = subject.gov.get("govUpdateCycle")
    fitting = FREQUENCIES.get(text(cycle))
    for position, entry in enumerate(sequence(subject.data.get("slaProperties"))):
        sla = mapping(entry)
        if fitting and sla.get("property") == "frequency" and not _is_one_of(sla, fitting):
            message = f"frequency {sla.get('value')} {sla.get('unit')} contradicts govUpdateCycle {cycle}"
            yield subject.fault(("slaProperties", position, "value"), "cycle.frequency", message, GUIDE)


def _is_one_of(sla: object, fitting: set[tuple[int, str]]) -> bool:
    entry = mapping(sla)
    return any(entry.get("value") == value and entry.get("unit") == unit for value, unit in fitting)
