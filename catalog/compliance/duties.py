"""The duties of articles 13 to 29 and 39 to 41 of 《政务数据共享条例》, each with the check that computes it.

Where the wording of an article is not held by the platform, the duty says so and stays unknown: docs/compliance.md lists
what a lawyer must check.
"""

from __future__ import annotations

from catalog.compliance.checks import (
    catalogue,
    disputes,
    liability,
    purpose,
    records,
    requests,
    supply,
    verification,
)
from catalog.compliance.model import Check, Duty, Owner
from catalog.sharing.limits import (
    ANSWER_CONDITIONAL,
    ANSWER_UNCONDITIONAL,
    CATALOGUE_REVIEW,
    CATALOGUE_UPDATE,
    PROVIDE,
    USAGE_RECORD_YEARS,
    VERIFY,
    Limit,
)

NO_LIMIT = "条例未定天数"
DEPARTMENTS_PENALTY, BUREAU_PENALTY = 39, 40


def _days(limit: Limit) -> str:
    longer = f"，经同意可延长 {limit.longest_extension} 个" if limit.longest_extension else ""
    return f"{limit.days} 个工作日{longer}"


def _unread(article: int, title: str, english: str) -> Duty:
    measured = "条文未录入本平台，尚无判定标准"
    why = f"平台没有第 {article} 条的判定标准：须由法务依条文确定应核对什么、以什么为证据"
    return Duty(f"{article}.unread", article, title, english, Owner.EVERY, measured, NO_LIMIT, liability.missing(why))


def _unheld(code: str, article: int, title: str, english: str, owner: Owner, what: str) -> Duty:
    check: Check = liability.missing(f"平台不掌握：{what}")
    penalty = DEPARTMENTS_PENALTY if owner is not Owner.BUREAU else BUREAU_PENALTY
    return Duty(code, article, title, english, owner, what, NO_LIMIT, check, penalty)


_PROVIDER, _APPLICANT, _BUREAU, _EVERY = Owner.PROVIDER, Owner.APPLICANT, Owner.BUREAU, Owner.EVERY
_CATALOGUE = (
    Duty(
        "13.fields",
        13,
        "目录条目要素齐全",
        "Entry states every required field",
        _PROVIDER,
        "名称、数据项、提供单位、格式、更新频率、共享属性、共享方式、使用条件、分类分级逐项有值",
        "列入目录前",
        catalogue.fields,
        DEPARTMENTS_PENALTY,
        is_of_catalogue=True,
    ),
    Duty(
        "13.assessed",
        13,
        "评估与签发在列入目录之前",
        "Assessments and sign-off precede listing",
        _PROVIDER,
        "保密风险评估、个人信息保护影响评估不晚于负责人签发，签发不晚于发布",
        "列入目录前",
        catalogue.assessed,
        DEPARTMENTS_PENALTY,
        is_of_catalogue=True,
    ),
    Duty(
        "13.cycle",
        13,
        "按承诺的更新频率供数",
        "Data come as often as promised",
        _PROVIDER,
        "最新数据的日期与目录所列更新频率比较",
        "目录所列更新频率",
        supply.cycle,
        DEPARTMENTS_PENALTY,
        is_of_catalogue=True,
    ),
    Duty(
        "14.attribute",
        14,
        "共享属性明确，不附加条件",
        "Sharing attribute is clear, no added conditions",
        _PROVIDER,
        "共享属性为三类之一；无条件共享的条目没有附加条件",
        "列入目录前",
        catalogue.attribute,
        DEPARTMENTS_PENALTY,
        is_of_catalogue=True,
    ),
    Duty(
        "15.conditions",
        15,
        "有条件共享写明范围与用途，不予共享写明依据与理由",
        "Conditions, or the basis for not sharing, are stated",
        _PROVIDER,
        "有条件共享的范围、用途，不予共享的法律依据、条款、理由逐项有值",
        "列入目录前",
        catalogue.conditions,
        DEPARTMENTS_PENALTY,
        is_of_catalogue=True,
    ),
    _unread(16, "第十六条规定的目录义务", "Catalogue duties of article 16"),
    Duty(
        "17.update",
        17,
        "目录按时更新",
        "Catalogue is updated in time",
        _PROVIDER,
        "法律或者职责变化之日至提交目录更新之日",
        _days(CATALOGUE_UPDATE),
        catalogue.update,
        DEPARTMENTS_PENALTY,
    ),
    Duty(
        "17.review",
        17,
        "目录更新按时审核发布",
        "Catalogue updates are reviewed in time",
        _BUREAU,
        "提交目录更新之日至发布之日",
        _days(CATALOGUE_REVIEW),
        catalogue.review,
        BUREAU_PENALTY,
    ),
    _unread(18, "第十八条规定的目录义务", "Catalogue duties of article 18"),
    Duty(
        "19.source",
        19,
        "数源数据完整、准确、可用",
        "Source data are complete, accurate, available",
        _PROVIDER,
        "列有数源的条目：供应状态，以及未通过的质量检查",
        NO_LIMIT,
        catalogue.source,
        DEPARTMENTS_PENALTY,
        is_of_catalogue=True,
    ),
    Duty(
        "19.contradictions",
        19,
        "与数源部门的数据一致",
        "Data agree with the source department",
        _PROVIDER,
        "同一事实的取值与数源部门不一致的实体数",
        NO_LIMIT,
        catalogue.contradictions,
        is_of_catalogue=True,
    ),
    _unheld(
        "19.collect",
        19,
        "不重复收集可以共享获得的数据",
        "Nothing is collected twice",
        _EVERY,
        "各部门向公民、企业收集数据的表单清单",
    ),
)
_REQUESTS = (
    Duty(
        "20.form",
        20,
        "申请要素齐全并经本部门负责人审批",
        "Application complete and approved by own office",
        _APPLICANT,
        "使用依据、场景、范围、共享方式、时限五项，以及受理前的本部门审批",
        "提交受理前",
        requests.own_approval,
    ),
    Duty(
        "21.unconditional",
        21,
        "无条件共享按时答复",
        "Unconditional sharing answered in time",
        _PROVIDER,
        "本部门同意申请之日至答复之日",
        _days(ANSWER_UNCONDITIONAL),
        requests.answer_unconditional,
        DEPARTMENTS_PENALTY,
    ),
    Duty(
        "21.conditional",
        21,
        "有条件共享按时答复",
        "Conditional sharing answered in time",
        _PROVIDER,
        "本部门同意申请之日至答复之日；补正期间是否计入依本市做法",
        _days(ANSWER_CONDITIONAL),
        requests.answer_conditional,
        DEPARTMENTS_PENALTY,
    ),
    Duty(
        "21.once",
        21,
        "补正内容一次性告知",
        "What is missing is told once",
        _BUREAU,
        "每件申请补正告知的次数",
        "一次",
        requests.told_once,
        BUREAU_PENALTY,
    ),
    Duty(
        "21.extension",
        21,
        "延长答复期限一次并经大数据局同意",
        "One extension, with the bureau's consent",
        _PROVIDER,
        "延长的次数、天数、由谁同意",
        f"一次，不超过 {ANSWER_CONDITIONAL.longest_extension} 个工作日",
        requests.extensions,
        DEPARTMENTS_PENALTY,
    ),
    Duty(
        "21.reasons",
        21,
        "不予提供写明理由",
        "Refusals give reasons",
        _PROVIDER,
        "不予提供的答复是否写明理由；无条件共享不得拒绝",
        "答复时",
        requests.reasons,
        DEPARTMENTS_PENALTY,
    ),
    Duty(
        "22.provide",
        22,
        "同意后按时提供数据",
        "Data provided in time after consent",
        _PROVIDER,
        "同意之日至提供之日",
        _days(PROVIDE),
        requests.provided,
        DEPARTMENTS_PENALTY,
    ),
    Duty(
        "22.method",
        22,
        "以目录所列的方式提供",
        "Provided by a catalogued method",
        _PROVIDER,
        "提供方式是否为目录所列的服务接口、批量交换、文件下载之一",
        "提供时",
        requests.method,
    ),
)
_USE = (
    _unread(23, "第二十三条规定的共享义务", "Sharing duties of article 23"),
    Duty(
        "24.reflow", 24, "数据及时回流", "Return flow comes promptly", _PROVIDER, "标为回流的条目：最新数据与更新频率比较",
        "及时，不附加条件", supply.reflow, DEPARTMENTS_PENALTY,
        is_of_catalogue=True,
    ),
    Duty(
        "25.purpose", 25, "只在授权的用途内使用", "Used for the granted purpose only", _APPLICANT, "调用有条件共享数据的日子是否都有生效的授权",
        "授权期内", purpose.granted_use, DEPARTMENTS_PENALTY,
    ),
    _unheld("25.third_party", 25, "不向第三方提供", "Not passed on to third parties", _APPLICANT, "数据离开本平台之后的去向"),
    _unheld("25.joined", 25, "防范汇聚关联后的安全风险", "Joined data sets are guarded", _EVERY, "各部门对汇聚数据的安全评估记录"),
    Duty(
        "26.verify", 26, "校核按时核实、更正、答复", "Doubts verified and corrected in time", _PROVIDER, "提出校核之日至更正或者答复之日",
        _days(VERIFY), verification.verified, DEPARTMENTS_PENALTY,
    ),
    Duty(
        "26.corrected", 26, "更正经得起复核", "Corrections hold", _PROVIDER, "更正后的质量复核是否通过", NO_LIMIT, verification.corrected,
    ),
    Duty(
        "27.disposed", 27, "使用结束后处置数据", "Data disposed of after use", _APPLICANT, "使用结束至处置记录", "本平台以结束当月为准",
        purpose.disposed, DEPARTMENTS_PENALTY,
    ),
    Duty(
        "27.rectified", 27, "违规使用被暂停的，完成整改", "Suspended uses are rectified", _APPLICANT, "暂停之后是否整改恢复", NO_LIMIT,
        purpose.rectified, DEPARTMENTS_PENALTY,
    ),
    Duty(
        "27.stop", 27, "不无故停止服务", "No service stopped without reason", _PROVIDER, "提供部门暂停服务是否写明理由", "暂停时", purpose.not_stopped,
        DEPARTMENTS_PENALTY,
    ),
    Duty(
        "28.dispute", 28, "争议逐级解决并有记录", "Disputes settled level by level, on record", _EVERY, "争议的级次与结果记录", NO_LIMIT, disputes.settled,
    ),
    Duty(
        "29.records", 29, "使用情况有记录并保存", "Use is recorded and kept", _APPLICANT, "使用一个月以上的授权是否有使用情况登记",
        f"保存不少于 {USAGE_RECORD_YEARS} 年", records.recorded,
    ),
)  # fmt: skip
_PRIMARY = (*_CATALOGUE, *_REQUESTS, *_USE)


def _liable(article: int, owner: Owner, title: str, english: str) -> Duty:
    mine = [duty for duty in _PRIMARY if duty.penalty == article]
    measured = "可能承担该条责任的各项义务是否有未履行的"
    return Duty(
        f"{article}.liability", article, title, english, owner, measured, "—", liability.answerable_for(mine), article
    )


_LIABILITY = (
    _liable(DEPARTMENTS_PENALTY, _EVERY, "没有可能被责令改正、处分的事项", "Nothing that may lead to a penalty"),
    _liable(BUREAU_PENALTY, _BUREAU, "主管部门没有未履行的职责", "The bureau owes nothing"),
    Duty(
        "41.liability", 41, "没有泄露等违法行为", "No leak or other offence", _EVERY, "安全事件与案件的处理结果", "—",
        liability.missing("平台不掌握：安全事件、违纪违法案件的处理结果"), 41,
    ),
)  # fmt: skip
DUTIES: tuple[Duty, ...] = (*_PRIMARY, *_LIABILITY)
BY_CODE = {duty.code: duty for duty in DUTIES}
