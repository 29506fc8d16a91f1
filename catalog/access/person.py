"""People who sign in: their department, their posts 岗位, and what a post may do; deny by default, with the reason.

Posts follow 《政务数据共享条例》 (who catalogues, signs, applies, reviews) and 等级保护 level 3, which separates the three
administrators: one keeps accounts, one gives rights, one reads the audit log, and none of them does the work itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from catalog.access.model import Decision, Principal
from catalog.contract.message import Message

BUREAU = "dsjj"  # 大数据局, in the vocabulary's departments


class Post(StrEnum):
    """What somebody is appointed to; the value is the wording of the pages."""

    CATALOGUER = "编目员"
    HEAD = "部门负责人"
    APPLICANT = "申请经办人"
    CATALOGUE_ADMIN = "目录管理员"
    REVIEWER = "审核员"
    ENGINEER = "工程师"
    SYSTEM_ADMIN = "系统管理员"
    SECURITY_ADMIN = "安全管理员"
    AUDITOR = "审计员"


ADMINISTRATORS = frozenset({Post.SYSTEM_ADMIN, Post.SECURITY_ADMIN, Post.AUDITOR})
BUREAU_POSTS = frozenset({Post.CATALOGUE_ADMIN, Post.REVIEWER, *ADMINISTRATORS})


class Doing(StrEnum):
    """What can be done by somebody signed in; the value is the wording of a refusal."""

    CATALOGUE = "编制目录"
    SIGN = "签发目录"
    REVIEW_CATALOGUE = "审核发布目录"
    IMPORT_CATALOGUE = "批量导入目录"
    APPLY = "申请共享数据"
    DOWNLOAD = "下载共享数据"
    APPROVE_OWN = "审批本部门的申请"
    ACCEPT = "受理共享申请"
    ANSWER = "答复共享申请"
    REPORT = "提出校核"
    ANSWER_REPORT = "答复校核"
    SEE_COMPLIANCE = "查看履职情况"
    MANAGE_ACCOUNTS = "管理账号"
    MANAGE_RIGHTS = "管理岗位与授权"
    READ_AUDIT = "查看审计日志"


@dataclass(frozen=True)
class Allowed:
    """Which posts may do something, and whether only for their own department."""

    posts: frozenset[Post]
    is_own_department: bool


def _own(*posts: Post) -> Allowed:
    return Allowed(frozenset(posts), True)


def _all(*posts: Post) -> Allowed:
    return Allowed(frozenset(posts), False)


RIGHTS = {
    Doing.CATALOGUE: _own(Post.CATALOGUER),
    Doing.SIGN: _own(Post.HEAD),
    Doing.REVIEW_CATALOGUE: _all(Post.REVIEWER),
    Doing.IMPORT_CATALOGUE: _all(Post.CATALOGUE_ADMIN),
    Doing.APPLY: _own(Post.APPLICANT),
    Doing.DOWNLOAD: _own(Post.APPLICANT),
    Doing.APPROVE_OWN: _own(Post.HEAD),
    Doing.ACCEPT: _all(Post.REVIEWER),
    Doing.ANSWER: _own(Post.HEAD),
    Doing.REPORT: _own(Post.APPLICANT),
    Doing.ANSWER_REPORT: _own(Post.HEAD, Post.CATALOGUER),
    Doing.SEE_COMPLIANCE: _own(Post.HEAD, Post.CATALOGUER),
    Doing.MANAGE_ACCOUNTS: _all(Post.SYSTEM_ADMIN),
    Doing.MANAGE_RIGHTS: _all(Post.SECURITY_ADMIN),
    Doing.READ_AUDIT: _all(Post.AUDITOR),
}
BUREAU_SEES = frozenset({Post.CATALOGUE_ADMIN, Post.REVIEWER, Post.AUDITOR})  # the affairs of every department


@dataclass(frozen=True)
class Person:
    """Somebody signed in: the account's name, the name to show, the department's code, the posts held."""

    account: str
    name: str
    dept: str
    posts: frozenset[Post]

    def as_principal(self) -> Principal:
        """Return who reads when this person does, without an API key: what may be read is the department's."""
        return Principal("", self.dept, self.account, frozenset(), False, None)


def permit(person: Person | None, doing: Doing, dept: str = "") -> Decision:
    """Decide whether somebody (None: nobody signed in) may do something for a department (``""``: for any)."""
    basis = "岗位职责"
    if person is None:
        return Decision(False, "not_signed_in", "请先登录", basis)
    if doing is Doing.SEE_COMPLIANCE and person.posts & BUREAU_SEES:
        return Decision(True, "allowed", "大数据局监督履职", basis)
    allowed = RIGHTS[doing]
    if not person.posts & allowed.posts:
        posts = [post for post in Post if post in allowed.posts]
        return Decision(
            False, "not_your_post", Message("“{doing}”由{posts}办理，您没有这个岗位", doing=doing, posts=posts), basis
        )
    if allowed.is_own_department and dept and person.dept != dept:
        return Decision(
            False, "not_your_department", Message("“{doing}”只能由该部门自己的人员办理", doing=doing), basis
        )
    return Decision(True, "allowed", doing, basis)


def faulty_posts(dept: str, posts: frozenset[Post]) -> str:
    """Return why these posts cannot be held together in a department; ``""`` when they can."""
    if not posts:
        return "至少需要一个岗位"
    if len(posts & ADMINISTRATORS) > 1:
        return "系统管理员、安全管理员、审计员必须由不同的人担任（三员分立）"
    if posts & ADMINISTRATORS and posts - ADMINISTRATORS:
        return "系统管理员、安全管理员、审计员不得兼任业务岗位（三员分立）"
    if posts & BUREAU_POSTS and dept != BUREAU:
        strange = [post for post in Post if post in posts & BUREAU_POSTS]
        return Message("{strange}只能由大数据局的人员担任", strange=strange)
    return ""
