"""The one place that says yes or no to seeing a resource: deny by default, with the reason and its legal basis."""

from __future__ import annotations

from datetime import date

from catalog.access.model import Action, Decision, Principal
from catalog.contract.model import Contract

ARTICLE_13 = "《政务数据共享条例》第十三条"
ARTICLE_15 = "《政务数据共享条例》第十五条"
ARTICLE_20 = "《政务数据共享条例》第二十条"
ARTICLE_25 = "《政务数据共享条例》第二十五条"
NOT_SHARED, CONDITIONAL, UNCONDITIONAL = 3, 2, 1


def decide(principal: Principal | None, action: Action, contract: Contract, *, today: date) -> Decision:
    """Decide whether ``principal`` (None: nobody known) may do ``action`` on ``contract`` on ``today``.

    ``see_entry`` and ``see_sample`` are the catalogue's pages, ``read_rows`` the data interface, ``read_unmasked``
    asks whether masked columns may be shown as they are.
    """
    if action == "see_entry":
        return _allow("目录条目对各部门可见", ARTICLE_13)
    if contract.gov.share_type == NOT_SHARED:
        return _not_shared(contract)
    if action == "see_sample" and contract.gov.share_type in (UNCONDITIONAL, CONDITIONAL):
        return _allow("脱敏样例", ARTICLE_13)
    if action not in ("read_rows", "read_unmasked"):
        return _deny("unknown_action", "未定义的操作，默认拒绝", ARTICLE_15)
    if principal is None:
        return _deny("unauthenticated", "缺少或无效的 API key", ARTICLE_15)
    if principal.expires_on is not None and today > principal.expires_on:
        return _deny("expired", f"授权已于 {principal.expires_on} 到期", ARTICLE_20)
    if action == "read_unmasked":
        return _decide_unmasked(principal, contract)
    return _decide_rows(principal, contract)


def _decide_rows(principal: Principal, contract: Contract) -> Decision:
    if contract.gov.share_type == UNCONDITIONAL:
        return _allow("无条件共享", ARTICLE_15)
    if principal.dept == contract.dept:
        return _allow("本部门提供的数据", ARTICLE_15)
    if contract.key in principal.resources:
        return _allow("有条件共享，已获该资源的授权", ARTICLE_15)
    return _deny("not_granted", "有条件共享：此 API key 未获该资源的授权", ARTICLE_15)


def _decide_unmasked(principal: Principal, contract: Contract) -> Decision:
    is_theirs = contract.key in principal.resources or contract.dept == principal.dept
    if principal.is_unmasked and is_theirs:
        return _allow("授权写明可见原值", ARTICLE_25)
    return _deny("masked", "授权未写明可见原值，按脱敏规则显示", ARTICLE_25)


def _not_shared(contract: Contract) -> Decision:
    basis = contract.gov.no_share_basis
    if basis is None:
        return _deny("not_shared", "不予共享：契约未列依据", ARTICLE_15)
    return _deny(
        "not_shared", f"不予共享：{basis.reason}", f"《{basis.law.strip('《》')}》{basis.article}；{ARTICLE_15}"
    )


def _allow(reason: str, basis: str) -> Decision:
    return Decision(True, "allowed", reason, basis)


def _deny(code: str, reason: str, basis: str) -> Decision:
    return Decision(False, code, reason, basis)
