"""From posts 岗位 to the roles of a matter, and who may see it: the parties and the bureau, nobody else."""

from __future__ import annotations

from catalog.access.model import Decision
from catalog.access.person import BUREAU, BUREAU_SEES, Person, Post
from catalog.contract.message import Message
from catalog.sharing.application import Application, Kind
from catalog.sharing.machine import Role
from catalog.sharing.verification import Verification

Matter = Application | Verification
BASIS = "《政务数据共享条例》第二十五条"
_PARTY_SEES = frozenset({Post.APPLICANT, Post.HEAD, Post.CATALOGUER})


def roles_of(person: Person, matter: Matter) -> frozenset[Role]:
    """Return what somebody may act as in a matter.

    A 校核 is answered by the provider's head or cataloguer; decisions of the common superior and of the government are
    recorded by the bureau, which put the matter to them.
    """
    parties, posts = matter.parties, person.posts
    is_report = isinstance(matter, Verification)
    held: set[Role] = set()
    if person.dept == parties.applicant:
        held |= {role for post, role in _APPLICANT_SIDE.items() if post in posts}
    if person.dept == parties.provider and (Post.HEAD in posts or (is_report and Post.CATALOGUER in posts)):
        held.add(Role.PROVIDER)
    if person.dept == parties.bureau and Post.REVIEWER in posts:
        held |= {Role.BUREAU, Role.SUPERIOR, Role.GOVERNMENT} if is_report else {Role.BUREAU}
    return frozenset(held)


def may_see(person: Person, matter: Matter) -> Decision:
    """Decide whether somebody may see a matter.

    An application that was never submitted is its clerks' affair, one that has not left its department the department's.
    """
    parties = matter.parties
    if isinstance(matter, Application) and not was_submitted(matter):
        if may_read_draft(person, matter):
            return Decision(True, "allowed", "本部门的草稿", BASIS)
        reason = Message("申请 {number} 还没有提交，提交前只有需求部门的申请经办人可以查看", number=matter.number)
        return Decision(False, "not_a_party", reason, BASIS)
    noun = "校核" if isinstance(matter, Verification) else "申请"
    if person.dept == parties.applicant and person.posts & _PARTY_SEES:
        return Decision(True, "allowed", "本部门的事项", BASIS)
    if isinstance(matter, Application) and not has_left(matter):
        return Decision(
            False,
            "not_a_party",
            Message("{noun} {number} 尚未报出，只有需求部门可以查看", noun=noun, number=matter.number),
            BASIS,
        )
    if person.dept == parties.provider and person.posts & _PARTY_SEES:
        return Decision(True, "allowed", "提供部门", BASIS)
    if person.dept == parties.bureau and person.posts & BUREAU_SEES:
        return Decision(True, "allowed", "大数据局", BASIS)
    return Decision(
        False,
        "not_a_party",
        Message("{noun} {number} 只对需求部门、提供部门和大数据局可见", noun=noun, number=matter.number),
        BASIS,
    )


def may_read_draft(person: Person, application: Application) -> bool:
    """Tell whether somebody may read what is not submitted: the clerks of the applicant, never who approves or answers."""
    return person.dept == application.parties.applicant and Post.APPLICANT in person.posts


def may_count(person: Person | None) -> Decision:
    """Decide whether somebody may see how many grants each department holds; the matters themselves: :func:`may_see`."""
    if person is None:
        return Decision(False, "not_signed_in", "登录后可见各部门的授权数量", BASIS)
    return Decision(True, "allowed", "其他部门的申请只列授权数量，内容对需求部门、提供部门和大数据局可见", BASIS)


def has_left(application: Application) -> bool:
    """Tell whether an application was ever approved by its own office."""
    return any(event.kind == Kind.APPROVE_OWN for event in application.events)


def was_submitted(application: Application) -> bool:
    """Tell whether an application was ever submitted to its own office."""
    return any(event.kind == Kind.SUBMIT for event in application.events)


def sees_all(person: Person) -> bool:
    """Tell whether somebody of the bureau sees the matters of all departments."""
    return person.dept == BUREAU and bool(person.posts & BUREAU_SEES)


_APPLICANT_SIDE = {Post.APPLICANT: Role.APPLICANT, Post.HEAD: Role.OWN_OFFICE}
