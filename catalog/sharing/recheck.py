"""The recheck 复核 of a corrected 校核: from the published data and the quality results, by the system, never by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

from catalog.contract.message import Message
from catalog.sharing.machine import Event, IllegalMove, Role
from catalog.sharing.verification import Kind, Report, State, Verification

PRESENT, ABSENT = "应有这一行", "不应有这一行"
IS_THERE, IS_NOT_THERE = "有这一行", "没有这一行"
SYSTEM_NAME = "系统"
ACCEPTED = "accepted"


@dataclass(frozen=True)
class Looked:
    """What a row or field is now: ``value`` as it may be shown (masked), ``agrees`` with what is believed."""

    value: str
    agrees: bool


class Published(Protocol):
    """What is asked of the published data; each answer is of what ``main`` shows at that moment."""

    def snapshot(self) -> str:
        """Return the id of the published version."""

    def look(self, report: Report) -> Looked:
        """Return the reported row or field as it is now."""

    def blocking_faults(self, resource: str) -> list[str]:
        """Return the failed blocking checks of a resource, in words."""

    def batches(self, resource: str) -> list[Mapping[str, Any]]:
        """Return the outcomes of a resource's deliveries: ``batch_id``, ``status``, ``delivery`` and the counts."""

    def had_batch(self, resource: str, batch: str, snapshot: str) -> bool:
        """Tell whether a batch was in an earlier version already; False when that version is not kept any more."""


def key_text(values: Mapping[str, str]) -> str:
    """Return the key of a row as one text: the value of a single column, else ``a=1&b=2`` in key order."""
    return next(iter(values.values())) if len(values) == 1 else urlencode(values)


def key_values(names: Sequence[str], text: str) -> dict[str, str]:
    """Return column -> value of a key's text; the opposite of :func:`key_text`."""
    return {names[0]: text} if len(names) == 1 else dict(parse_qsl(text, keep_blank_values=True))


def check_reload(verification: Verification, batch: str, published: Published) -> None:
    """Refuse a batch that cannot have corrected anything.

    Raises:
        IllegalMove: the batch is not among the resource's deliveries, was not accepted, or was there before the report.
    """
    report = verification.report
    found = [row for row in published.batches(report.resource) if row["batch_id"] == batch]
    if not found:
        raise IllegalMove(
            Message(
                "更正须写明重新送达的批次：{resource} 没有批次 {batch}（《政务数据共享条例》第二十六条）",
                resource=report.resource,
                batch=batch,
            )
        )
    if found[0]["status"] != ACCEPTED:
        raise IllegalMove(
            Message("批次 {batch} 没有被接收，不能作为更正的批次（《政务数据共享条例》第二十六条）", batch=batch)
        )
    if published.had_batch(report.resource, batch, report.snapshot):
        raise IllegalMove(
            Message(
                "批次 {batch} 在提出校核之前已经送达，不是为更正重新送达的（《政务数据共享条例》第二十六条）",
                batch=batch,
            )
        )


def recheck(verification: Verification, published: Published, now: datetime) -> Event:
    """Return the event of the recheck: passed when the data agree with what was believed and no blocking check fails.

    Raises:
        IllegalMove: nothing was corrected yet.
    """
    if verification.state is not State.CORRECTED:
        raise IllegalMove(
            Message(
                "校核 {number} 处于“{state}”，没有待复核的更正",
                number=verification.number,
                state=verification.state.value,
            )
        )
    report = verification.report
    looked, faults = published.look(report), published.blocking_faults(report.resource)
    run = {
        "snapshot": published.snapshot(),
        "value": looked.value,
        "believed": report.believed,
        "agrees": looked.agrees,
        "failed_checks": faults,
        "batch": verification.events[-1].data["reload"],
    }
    kind = Kind.RECHECK if looked.agrees and not faults else Kind.REOPEN
    return Event(kind, now, SYSTEM_NAME, Role.SYSTEM, "", {"quality_run": run})
