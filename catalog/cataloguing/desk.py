"""What people do with proposals, from the start to the file: every step is checked, kept as an event, and then carried out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalog.access.person import Doing, Person
from catalog.cataloguing.archive import Publication, patch
from catalog.cataloguing.checking import Fault, gov, key_of, signed_on, submission_faults, with_version
from catalog.cataloguing.drafting import from_contract, withdrawn
from catalog.cataloguing.proposal import ENDED, MACHINE, Kind, Origin, Proposal, Purpose, State
from catalog.cataloguing.sheet_read import ReadEntry
from catalog.cataloguing.shelf import Shelf
from catalog.cataloguing.store import CataloguingStore, Opening
from catalog.contract.city_time import city_day
from catalog.contract.message import Message
from catalog.contract.writing import contract_text
from catalog.sharing.machine import Event, Role

DOING = {Role.CATALOGUER: Doing.CATALOGUE, Role.PROVIDER: Doing.SIGN, Role.BUREAU: Doing.REVIEW_CATALOGUE}
_CHECKED = frozenset({Kind.SUBMIT, Kind.SIGN, Kind.PUBLISH})


class NotReady(ValueError):
    """A proposal lacks what the law asks for; ``faults`` say what."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(Message("还有 {count} 处不符合要求，不能办理", count=len(faults)))


class Outdated(ValueError):
    """The published entry has changed since the proposal began, or another proposal about it is under way."""


class NotWritten(RuntimeError):
    """A publication is decided and its file could not be written; it is written with the next one, or the next start."""


@dataclass(frozen=True)
class Act:
    """Who does what to which proposal, having seen how many of its events."""

    number: str
    kind: Kind
    person: Person
    at: datetime
    seen: int
    data: Mapping[str, Any]


class CataloguingDesk:
    """The desk of one installation."""

    def __init__(self, store: CataloguingStore, shelf: Shelf) -> None:
        self.store, self.shelf = store, shelf

    def open(
        self, person: Person, at: datetime, document: Mapping[str, Any], *, start: str, dept: str = ""
    ) -> Proposal:
        """Begin a new entry."""
        origin = Origin(Purpose.NEW, start=start)
        return self.store.open(Opening(dept or person.dept, person.name, at, origin, document))

    def open_change(self, person: Person, at: datetime, key: str, *, is_withdrawal: bool = False) -> Proposal:
        """Begin the change or the withdrawal of a published entry.

        Raises:
            KeyError: there is no such entry.
            Outdated: another proposal about it is under way.
        """
        published = self.shelf.now()
        base = published.texts[key]
        _refuse_second(key, self._under_way(key.partition(".")[0]))
        purpose = Purpose.WITHDRAWAL if is_withdrawal else Purpose.CHANGE
        document = withdrawn(key, published) if is_withdrawal else from_contract(key, published)
        dept = published.contracts[key].dept
        return self.store.open(Opening(dept, person.name, at, Origin(purpose, base, start=key), document))

    def open_batch(self, person: Person, at: datetime, entries: Sequence[ReadEntry], name: str) -> list[Proposal]:
        """Begin one proposal for each changed entry of a sheet, all or none.

        Raises:
            Outdated: a proposal about one of them is under way.
        """
        openings, under_way = [], self._under_way()
        for entry in entries:
            _refuse_second(entry.key, under_way)
            purpose = Purpose.CHANGE if entry.base else Purpose.NEW
            origin = Origin(purpose, entry.base, start=name)
            openings.append(Opening(entry.key.partition(".")[0], person.name, at, origin, entry.document))
        seed = hashlib.blake2b(f"{person.account}{at.isoformat()}{name}".encode(), digest_size=4).hexdigest()
        return self.store.open_batch(f"PL{at:%Y%m%d}-{seed}", openings)

    def faults(self, proposal: Proposal, at: datetime) -> list[Fault]:
        """Return what keeps a proposal from being submitted, and warnings."""
        day = self._signed_day(proposal) or city_day(at)
        if proposal.origin.purpose is Purpose.WITHDRAWAL:
            return []
        return submission_faults(proposal.document, self.shelf.now(), day)

    def final(self, proposal: Proposal, at: datetime) -> dict[str, Any]:
        """Return the content as it would be published: signed, and with the version that its changes ask for."""
        published = self.shelf.now()
        base = published.contracts.get(key_of(proposal.document)) if proposal.origin.base else None
        signed = signed_on(proposal.document, self._signed_day(proposal) or city_day(at))
        return with_version(signed, base)

    def patch(self, proposal: Proposal, at: datetime) -> str:
        """Return a proposal as a unified diff of its contract file."""
        return patch(key_of(proposal.document), proposal.origin.base, contract_text(self.final(proposal, at)))

    def act(self, act: Act) -> Proposal:
        """Do one step; a publication is written and committed.

        Raises:
            UnknownMatter, OvertakenError, IllegalMove, ClockError: see :meth:`CataloguingStore.move`.
            NotReady: something that the law asks for is missing.
            Outdated: the published entry has changed since.
            NotWritten: it is published, and its file is not there yet.
        """
        stands = self.store.proposal(act.number)
        event = self._event(act, stands)
        if act.kind in _CHECKED and len(stands.events) == act.seen:
            self._check(stands, act)
        moved = self.store.move(act.number, event, seen=act.seen)
        if act.kind is Kind.PUBLISH:
            try:
                self.settle()
            except OSError as error:
                reason = error.strerror or str(error)
                raise NotWritten(
                    Message(
                        "已审核发布，但目录文件没有写入（{reason}），排除故障后随下一次发布或重启补写", reason=reason
                    )
                ) from error
        return moved

    def settle(self) -> list[str]:
        """Write what is decided and not written yet, as after a crash between the two; return the numbers."""
        done = self.shelf.archive.done()
        waiting = [one for one in self.store.proposals() if one.state is State.PUBLISHED and one.number not in done]
        waiting.sort(key=lambda one: one.changed_at)
        return self.shelf.archive.publish([self._publication(one) for one in waiting])

    def taken_codes(self) -> list[str]:
        """Return the resource codes of proposals that are under way."""
        return [str(gov(one.document, "govResourceCode")) for one in self._under_way().values()]

    def _check(self, stands: Proposal, act: Act) -> None:
        published = self.shelf.now()
        key = key_of(stands.document)
        if published.texts.get(key, "") != stands.origin.base:
            raise Outdated(
                Message("目录 {key} 在本提案编制之后已经更新或已有同名目录，请退回后按最新目录重新编制", key=key)
            )
        blocking = [fault for fault in self.faults(stands, act.at) if fault.blocks]
        if blocking:
            raise NotReady(blocking)

    def _event(self, act: Act, stands: Proposal) -> Event:
        role = next(iter(MACHINE.rules[act.kind].roles))
        dept = stands.dept if role is not Role.BUREAU and act.person.dept == stands.dept else act.person.dept
        data = dict(act.data)
        if act.kind is Kind.PUBLISH:
            data["text"] = contract_text(self.final(stands, act.at))
        return Event(str(act.kind), act.at, act.person.name, role, dept, data)

    def _publication(self, proposal: Proposal) -> Publication:
        event = proposal.events[-1]
        author = next((e.actor for e in reversed(proposal.events) if e.kind == Kind.SUBMIT), proposal.opened_by)
        return Publication(
            number=proposal.number,
            key=key_of(proposal.document),
            before=proposal.origin.base,
            after=str(event.data["text"]),
            author=author,
            dept=proposal.dept,
            at=event.at,
        )

    def _under_way(self, dept: str | None = None) -> dict[str, Proposal]:
        """Return the proposals that are not done with, by the entry that each is about."""
        return {key_of(one.document): one for one in self.store.proposals(dept=dept) if one.state not in ENDED}

    @staticmethod
    def _signed_day(proposal: Proposal) -> Any:
        is_signed = proposal.state in (State.TO_REVIEW, State.PUBLISHED)
        signed = [event for event in proposal.events if event.kind == Kind.SIGN] if is_signed else []
        return city_day(signed[-1].at) if signed else None


def _refuse_second(key: str, under_way: Mapping[str, Proposal]) -> None:
    other = under_way.get(key)
    if other is not None:
        raise Outdated(
            Message(
                "目录 {key} 已有提案 {number}（{state}，{opened_by}）正在办理",
                key=key,
                number=other.number,
                state=other.state,
                opened_by=other.opened_by,
            )
        )
