"""A statutory clock: started, paused, extended and stopped by events; everything else is computed from these."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from catalog.contract.message import Message
from catalog.sharing.calendar import WorkingCalendar
from catalog.sharing.limits import Limit

Light = Literal["green", "yellow", "red", "paused", "done", "done_late"]
YELLOW_SHARE = 5  # the last fifth of a limit, and at least its last day, is yellow


class ClockError(ValueError):
    """What was asked of a clock is against the law or out of order."""


@dataclass(frozen=True)
class Clock:
    """One duty's clock. ``pauses`` are pairs (first day paused, day resumed or None while paused)."""

    limit: Limit
    started_on: date
    pauses: tuple[tuple[date, date | None], ...] = ()
    extension: int = 0
    stopped_on: date | None = None

    @property
    def is_paused(self) -> bool:
        """Tell whether the clock stands."""
        return bool(self.pauses) and self.pauses[-1][1] is None

    def pause(self, on: date) -> Clock:
        """Stop counting after ``on``, such as while the applicant completes what is missing (补正)."""
        self._check_running(on)
        return replace(self, pauses=(*self.pauses, (on, None)))

    def resume(self, on: date) -> Clock:
        """Go on counting after ``on``."""
        if not self.is_paused:
            raise ClockError("时限没有暂停，不能恢复")
        since = self.pauses[-1][0]
        self._check_order(on, since)
        return replace(self, pauses=(*self.pauses[:-1], (since, on)))

    def extend(self, days: int, on: date, calendar: WorkingCalendar) -> Clock:
        """Extend once, by at most what the law allows, before the limit has passed."""
        self._check_running(on)
        longest = self.limit.longest_extension
        if not longest:
            raise ClockError(Message("{name}不能延长（{basis}）", name=self.limit.name, basis=self.limit.basis))
        if self.extension:
            raise ClockError(Message("{name}只能延长一次（{basis}）", name=self.limit.name, basis=self.limit.basis))
        if not 1 <= days <= longest:
            raise ClockError(
                Message(
                    "{name}最多延长 {longest} 个工作日（{basis}）",
                    name=self.limit.name,
                    longest=longest,
                    basis=self.limit.basis,
                )
            )
        if on > self.due_on(calendar, on):
            raise ClockError(Message("{name}已经超期，不能再延长", name=self.limit.name))
        return replace(self, extension=days)

    def stop(self, on: date) -> Clock:
        """The duty is done."""
        if self.stopped_on is not None:
            raise ClockError("时限已经办结")
        self._check_order(on, self._last_event())
        closed = self.resume(on) if self.is_paused else self
        return replace(closed, stopped_on=on)

    def due_on(self, calendar: WorkingCalendar, today: date) -> date:
        """Return the last day of the limit; while paused, as if it went on after ``today``."""
        left, day = self.limit.days + self.extension, self.started_on
        for paused_on, resumed_on in self.pauses:
            used = calendar.between(day, paused_on)
            if used >= left:
                return calendar.after(day, left)
            left -= used
            day = max(paused_on, today) if resumed_on is None else resumed_on
        return calendar.after(day, left)

    def days_left(self, calendar: WorkingCalendar, today: date) -> int:
        """Return the working days that are left after ``today``; negative when the limit has passed."""
        end = self.stopped_on or today
        return calendar.between(end, self.due_on(calendar, end))

    def is_late(self, calendar: WorkingCalendar, today: date) -> bool:
        """Tell whether the limit has passed, or had passed when the duty was done."""
        end = self.stopped_on or today
        return end > self.due_on(calendar, end)

    def light(self, calendar: WorkingCalendar, today: date) -> Light:
        """Return the light 红黄灯 that a list shows."""
        if self.stopped_on is not None:
            return "done_late" if self.is_late(calendar, today) else "done"
        if self.is_late(calendar, today):
            return "red"
        if self.is_paused:
            return "paused"
        near = max(1, (self.limit.days + self.extension) // YELLOW_SHARE)
        return "yellow" if self.days_left(calendar, today) <= near else "green"

    def _check_running(self, on: date) -> None:
        if self.stopped_on is not None:
            raise ClockError("时限已经办结")
        if self.is_paused:
            raise ClockError("时限已经暂停")
        self._check_order(on, self._last_event())

    def _last_event(self) -> date:
        return max([self.started_on, *(day for pause in self.pauses for day in pause if day)])

    @staticmethod
    def _check_order(on: date, earlier: date) -> None:
        if on < earlier:
            raise ClockError(Message("{on} 早于上一事项的日期 {earlier}", on=on, earlier=earlier))
