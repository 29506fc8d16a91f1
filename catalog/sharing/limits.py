"""Statutory limits 法定时限: constants of the platform, never fields of a contract. Source: 《政务数据共享条例》."""

from __future__ import annotations

from dataclasses import dataclass

LAW = "《政务数据共享条例》"


@dataclass(frozen=True)
class Limit:
    """So many working days for a duty; ``longest_extension`` may be added once."""

    code: str
    name: str
    days: int
    article: str
    longest_extension: int = 0

    @property
    def basis(self) -> str:
        """The article in full."""
        return f"{LAW}{self.article}"


CATALOGUE_UPDATE = Limit("catalogue_update", "目录更新", 10, "第十七条", longest_extension=5)
CATALOGUE_REVIEW = Limit("catalogue_review", "目录审核发布", 2, "第十七条")
ANSWER_UNCONDITIONAL = Limit("answer_unconditional", "答复（无条件共享）", 1, "第二十一条")
ANSWER_CONDITIONAL = Limit("answer_conditional", "答复（有条件共享）", 10, "第二十一条", longest_extension=10)
PROVIDE = Limit("provide", "提供数据", 20, "第二十二条")
VERIFY = Limit("verify", "校核答复", 10, "第二十六条")
USAGE_RECORD_YEARS = 3  # 第二十九条: usage records are kept for three years at least

LIMITS = {
    limit.code: limit
    for limit in (CATALOGUE_UPDATE, CATALOGUE_REVIEW, ANSWER_UNCONDITIONAL, ANSWER_CONDITIONAL, PROVIDE, VERIFY)
}


def answer_limit(share_type: int) -> Limit:
    """Return the limit for answering an application, by 共享类型 (1 无条件, 2 有条件)."""
    return ANSWER_UNCONDITIONAL if share_type == 1 else ANSWER_CONDITIONAL
