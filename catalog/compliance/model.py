"""What a duty is, and what looking at it gives: a status, how many things were looked at, and the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from catalog.compliance.evidence import Evidence

SubjectKind = Literal["application", "verification", "entry", "duty", "change"]
SHOWN_ROWS = 200  # of one duty of one department; what is wrong comes first, and the counts stay whole


class Status(StrEnum):
    """How a duty stands; the value is for programs, the pages have the words and the lights."""

    MET = "met"
    LATE = "late"
    BREACHED = "breached"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


_GRAVITY = (Status.BREACHED, Status.LATE, Status.UNKNOWN, Status.MET, Status.NOT_APPLICABLE)


class Owner(StrEnum):
    """Who owes a duty; the value is the wording of the pages."""

    PROVIDER = "提供部门"
    APPLICANT = "需求部门"
    BUREAU = "大数据局"
    EVERY = "各部门"


class Row(NamedTuple):
    """One piece of evidence: what it is about (an application's number, a resource's key, a duty's code) and what it shows."""

    status: Status
    kind: SubjectKind
    subject: str
    text: str
    due_on: date | None = None
    done_on: date | None = None


@dataclass(frozen=True)
class Outcome:
    """How one duty of one department stands on a day.

    ``tally`` counts what was looked at by status and ``rows`` shows it, what is wrong first, at most ``SHOWN_ROWS``.
    ``note`` says what the figures rest on, or which evidence is missing.
    """

    status: Status
    tally: Mapping[Status, int] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    note: str = ""

    @property
    def count(self) -> int:
        """How many things were looked at."""
        return sum(self.tally.values())

    @property
    def wrong(self) -> int:
        """How many of them are late or breached."""
        return self.tally.get(Status.LATE, 0) + self.tally.get(Status.BREACHED, 0)


Check = Callable[["Evidence", str], Outcome]


@dataclass(frozen=True)
class Duty:
    """A duty of the law: its article, who owes it, what is measured against which limit, and where a penalty may follow.

    ``english`` is the title for readers of English; the law's own wording is Chinese. ``is_of_catalogue`` says that the
    check looks at what is published and nothing else, so that its answer holds for every day of that publish.
    """

    code: str
    article: int
    title: str
    english: str
    owner: Owner
    measured: str
    limit: str
    check: Check
    penalty: int | None = None
    is_of_catalogue: bool = False

    @property
    def basis(self) -> str:
        """The article in words, ``第二十一条``."""
        return article_name(self.article)

    def is_owed_by(self, evidence: Evidence, dept: str) -> bool:
        """Tell whether a department can owe this at all: what only the bureau owes, others do not."""
        return self.owner is not Owner.BUREAU or dept == evidence.bureau

    def look(self, evidence: Evidence, dept: str) -> Outcome:
        """Return how the duty of a department stands; computed once for this evidence."""

        def ask() -> Outcome:
            return self.check(evidence, dept) if self.is_owed_by(evidence, dept) else not_applicable()

        facts = evidence.published if self.is_of_catalogue else evidence
        return facts.once((self.code, dept), ask)


def judged(rows: Iterable[Row], *, met: int = 0, note: str = "") -> Outcome:
    """Return the outcome of what was looked at: the gravest status counts; ``met`` adds good cases without a row each."""
    by_status: dict[Status, list[Row]] = {status: [] for status in _GRAVITY}
    for row in rows:
        by_status[row.status].append(row)
    tally = {status: len(found) for status, found in by_status.items()}
    tally[Status.MET] += met
    counted = {status: number for status, number in tally.items() if number}
    shown = (row for found in by_status.values() for row in sorted(found, key=attrgetter("subject")))
    return Outcome(next(iter(counted), Status.NOT_APPLICABLE), counted, tuple(islice(shown, SHOWN_ROWS)), note)


def not_applicable(note: str = "") -> Outcome:
    """Return the outcome of a duty that a department does not have on this day."""
    return Outcome(Status.NOT_APPLICABLE, note=note)


def unknown(missing: str) -> Outcome:
    """Return the outcome of a duty that cannot be computed, saying which evidence is missing."""
    return Outcome(Status.UNKNOWN, note=missing)


_DIGITS = "零一二三四五六七八九"


def article_name(article: int) -> str:
    """Return the number of an article (1 to 99) as the law writes it, ``第三十九条``."""
    tens, ones = divmod(article, 10)
    head = "" if tens == 0 else "十" if tens == 1 else f"{_DIGITS[tens]}十"
    return f"第{head}{_DIGITS[ones] if ones or not tens else ''}条"
