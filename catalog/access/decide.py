"""The one place that says yes or no to reading a resource: deny by default, with the reason."""

from __future__ import annotations

from datetime import date

from catalog.access.model import Decision, Principal
from catalog.contract.model import Contract

ARTICLE_15 = "《政务数据共享条例》第十五条"


def decide(principal: Principal | None, contract: Contract, today: date) -> Decision:
    """Decide whether ``principal`` may read the rows of ``contract`` on ``today``."""
    if principal is None:
        return _deny("unauthenticated", "缺少或无效的 API key", "接口默认拒绝")
    if principal.expires_on is not None and today > principal.expires_on:
        return _deny("expired", f"授权已于 {principal.expires_on} 到期", "《政务数据共享条例》第二十条：使用时限")
    basis = contract.gov.no_share_basis
    if contract.gov.share_type == 3:
        stated = f"{basis.law}{basis.article}：{basis.reason}" if basis else "契约未列依据"
        return _deny("not_shared", f"不予共享：{stated}", ARTICLE_15)
    if contract.gov.share_type == 1 or principal.dept == contract.dept:
        return Decision(True, "allowed", "无条件共享" if contract.gov.share_type == 1 else "本部门数据", ARTICLE_15)
    if contract.key in principal.resources:
        return Decision(True, "allowed", "有条件共享，已获授权", ARTICLE_15)
    return _deny("not_granted", "有条件共享：此 API key 未获该资源的授权", ARTICLE_15)


def sees_unmasked(principal: Principal, contract: Contract) -> bool:
    """Tell whether masked columns are shown as they are: only with a grant that says so, for a granted resource."""
    granted = contract.key in principal.resources or principal.dept == contract.dept
    return principal.is_unmasked and granted


def _deny(code: str, reason: str, basis: str) -> Decision:
    return Decision(False, code, reason, basis)
