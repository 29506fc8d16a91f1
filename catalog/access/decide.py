"""The one place that says yes or no to seeing a resource: deny by default, with the reason and its legal basis."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from catalog.access.model import Action, Decision, Grant, Principal
from catalog.contract.message import Message
from catalog.contract.model import Contract

ARTICLE_13 = "《政务数据共享条例》第十三条"
ARTICLE_15 = "《政务数据共享条例》第十五条"
ARTICLE_20 = "《政务数据共享条例》第二十条"
ARTICLE_25 = "《政务数据共享条例》第二十五条"
NOT_SHARED, CONDITIONAL, UNCONDITIONAL = 3, 2, 1


def decide(
    principal: Principal | None, action: Action, contract: Contract, *, today: date, grant: Grant | None = None
) -> Decision:
    """Decide whether ``principal`` (None: nobody known) may do ``action`` on ``contract`` on ``today``.

    ``see_entry`` and ``see_sample`` are the catalogue's pages, ``read_rows`` the data interface, ``read_unmasked``
    asks whether masked columns may be shown as they are. ``grant`` is what the request relies on (see :func:`relied_on`).
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
        return _deny("expired", Message("授权已于 {expires_on} 到期", expires_on=principal.expires_on), ARTICLE_20)
    if action == "read_unmasked":
        return _decide_unmasked(principal, contract)
    return _decide_rows(principal, contract, grant, today)


def needs_no_grant(principal: Principal, contract: Contract) -> bool:
    """Tell whether a key may read without an application: what is unconditional, its own department's, or issued for it."""
    return _decide_ungranted(principal, contract).allowed


def relied_on(grants: Iterable[Grant], *, named: str | None, fields: frozenset[str], today: date) -> Grant | None:
    """Return the grant that a request relies on; None when there is none.

    Among several it is the one ``named`` by the number of its application; else the first that is in force and covers
    ``fields``, else the first in force, else the first.
    """
    by_number = sorted(grants, key=lambda grant: grant.application)
    if named is not None:
        return next((grant for grant in by_number if grant.application == named), None)
    ranked = sorted(by_number, key=lambda grant: (not grant.is_in_force(today), not fields <= grant.columns))
    return ranked[0] if ranked else None


def _decide_rows(principal: Principal, contract: Contract, grant: Grant | None, today: date) -> Decision:
    if grant is not None:
        return _decide_granted(grant, today)
    return _decide_ungranted(principal, contract)


def _decide_ungranted(principal: Principal, contract: Contract) -> Decision:
    if contract.gov.share_type == UNCONDITIONAL:
        return _allow("无条件共享", ARTICLE_15)
    if principal.dept == contract.dept:
        return _allow("本部门提供的数据", ARTICLE_15)
    if contract.key in principal.resources:
        return _allow("有条件共享，已获该资源的授权", ARTICLE_15)
    return _deny("not_granted", "有条件共享：此 API key 未获该资源的授权", ARTICLE_15)


def _decide_granted(grant: Grant, today: date) -> Decision:
    if grant.is_in_force(today):
        return _allow(f"申请 {grant.application} 的授权", ARTICLE_25)
    if today < grant.starts_on:
        return _deny(
            "not_yet",
            Message(
                "申请 {application} 的授权自 {starts_on} 起可用",
                application=grant.application,
                starts_on=grant.starts_on,
            ),
            ARTICLE_20,
        )
    return _deny(
        "expired",
        Message("申请 {application} 的授权已于 {ends_on} 到期", application=grant.application, ends_on=grant.ends_on),
        ARTICLE_20,
    )


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
        "not_shared",
        Message("不予共享：{reason}", reason=basis.reason),
        Message("{own}；{article}", own=f"《{basis.law.strip('《》')}》{basis.article}", article=ARTICLE_15),
    )


def _allow(reason: str, basis: str) -> Decision:
    return Decision(True, "allowed", reason, basis)


def _deny(code: str, reason: str, basis: str) -> Decision:
    return Decision(False, code, reason, basis)
