"""Working days and statutory clocks, against hand-worked cases of the holiday notices of 2025 and 2026."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from catalog.sharing.calendar import HolidayTables, NoHolidayTable, WorkingCalendar, YearTable, load_calendar
from catalog.sharing.clock import Clock, ClockError
from catalog.sharing.limits import ANSWER_CONDITIONAL, ANSWER_UNCONDITIONAL, CATALOGUE_UPDATE, PROVIDE, VERIFY

CALENDAR = load_calendar()
DAYS = st.dates(date(2025, 1, 1), date(2026, 9, 30))
LIMITS = st.integers(0, 30)

HAND_WORKED = [
    # start, working days, last day: what lies between
    (date(2025, 9, 26), 1, date(2025, 9, 28)),  # Friday -> Sunday made up for National Day
    (date(2025, 9, 28), 10, date(2025, 10, 17)),  # eight days off, then Saturday 11 October made up
    (date(2025, 9, 30), 1, date(2025, 10, 9)),  # National Day and Mid-Autumn, 1-8 October
    (date(2025, 1, 24), 1, date(2025, 1, 26)),  # Sunday made up for Spring Festival
    (date(2025, 1, 27), 2, date(2025, 2, 6)),  # 28 January - 4 February off
    (date(2025, 4, 30), 1, date(2025, 5, 6)),  # 1-5 May off, 27 April was made up
    (date(2026, 2, 13), 10, date(2026, 3, 5)),  # 14 and 28 February made up, 15-23 off
    (date(2026, 9, 30), 1, date(2026, 10, 8)),  # 1-7 October 2026
    (date(2026, 12, 24), 5, date(2026, 12, 31)),
    (date(2025, 10, 1), 0, date(2025, 10, 1)),
]


@pytest.mark.parametrize(("start", "days", "last"), HAND_WORKED)
def test_a_limit_ends_where_the_notice_says(start: date, days: int, last: date) -> None:
    assert CALENDAR.after(start, days) == last


@given(DAYS, LIMITS)
def test_a_limit_ends_on_a_working_day_and_has_so_many(start: date, days: int) -> None:
    last = CALENDAR.after(start, days)
    assert CALENDAR.between(start, last) == days
    assert days == 0 or CALENDAR.is_working(last)


@given(DAYS, LIMITS, LIMITS)
def test_limits_add_up(start: date, first: int, second: int) -> None:
    assert CALENDAR.after(CALENDAR.after(start, first), second) == CALENDAR.after(start, first + second)


def test_a_clock_across_new_year_without_a_table_is_loud_and_says_where_to_add_it() -> None:
    with pytest.raises(NoHolidayTable, match=r"2027 年.*holidays\.yaml"):
        CALENDAR.after(date(2026, 12, 28), 10)


def test_a_table_of_the_vocabulary_serves_and_overrides() -> None:
    notice = YearTable(source="试", holidays=[date(2027, 1, 1)], workdays=[date(2027, 1, 2)])
    calendar = WorkingCalendar({2027: notice, 2026: YearTable(source="试", holidays=[], workdays=[])})
    assert calendar.after(date(2026, 12, 31), 1) == date(2027, 1, 2)  # Saturday made up
    assert calendar.is_working(date(2026, 10, 1))  # what the table says of 2026, not what the package says


@pytest.mark.parametrize(
    ("holidays", "workdays", "fault"),
    [
        ([date(2027, 1, 2)], [date(2027, 1, 2)], "既放假又上班"),
        ([], [date(2027, 1, 4)], "调休上班日应在周末"),
        ([date(2026, 12, 31)], [], "别的年份"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(holidays: list[date], workdays: list[date], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        HolidayTables.model_validate({"years": {2027: {"source": "试", "holidays": holidays, "workdays": workdays}}})


def test_the_vocabulary_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "holidays.yaml"
    file.write_text(
        "years:\n  '2027':\n    source: 试\n    holidays: [2027-01-01]\n    workdays: []\n", encoding="utf-8"
    )
    assert load_calendar(file).after(date(2026, 12, 31), 1) == date(2027, 1, 4)


# ---- clocks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "due"),
    [
        (ANSWER_UNCONDITIONAL, date(2025, 10, 9)),
        (ANSWER_CONDITIONAL, date(2025, 10, 21)),
        (VERIFY, date(2025, 10, 21)),
        (PROVIDE, date(2025, 11, 4)),
    ],
)
def test_each_statutory_limit_from_the_eve_of_national_day(limit: object, due: date) -> None:
    clock = Clock(limit, date(2025, 9, 30))  # type: ignore[arg-type]
    assert clock.due_on(CALENDAR, date(2025, 9, 30)) == due
    assert not clock.is_late(CALENDAR, due)
    assert clock.is_late(CALENDAR, due + timedelta(days=1))


def test_completion_stops_the_clock_by_the_working_days_it_took() -> None:
    clock = Clock(ANSWER_CONDITIONAL, date(2026, 3, 2)).pause(date(2026, 3, 4)).resume(date(2026, 3, 11))
    plain = Clock(ANSWER_CONDITIONAL, date(2026, 3, 2))
    assert plain.due_on(CALENDAR, date(2026, 3, 2)) == date(2026, 3, 16)
    assert clock.due_on(CALENDAR, date(2026, 3, 11)) == date(2026, 3, 23)  # 2 days used, 8 left after 11 March


def test_lights_go_from_green_over_yellow_to_red() -> None:
    clock = Clock(ANSWER_CONDITIONAL, date(2026, 3, 2))
    lights = [clock.light(CALENDAR, date(2026, 3, day)) for day in (3, 12, 16, 17)]
    assert lights == ["green", "yellow", "yellow", "red"]
    assert clock.pause(date(2026, 3, 3)).light(CALENDAR, date(2026, 3, 31)) == "paused"
    assert clock.stop(date(2026, 3, 16)).light(CALENDAR, date(2026, 4, 1)) == "done"
    assert clock.stop(date(2026, 3, 17)).light(CALENDAR, date(2026, 4, 1)) == "done_late"


def test_an_extension_is_granted_once_within_the_law_and_in_time() -> None:
    clock = Clock(ANSWER_CONDITIONAL, date(2026, 3, 2))
    longer = clock.extend(10, date(2026, 3, 16), CALENDAR)
    assert longer.due_on(CALENDAR, date(2026, 3, 16)) == date(2026, 3, 30)
    with pytest.raises(ClockError, match="只能延长一次"):
        longer.extend(1, date(2026, 3, 17), CALENDAR)
    with pytest.raises(ClockError, match="最多延长 10"):
        clock.extend(11, date(2026, 3, 3), CALENDAR)
    with pytest.raises(ClockError, match="超期"):
        clock.extend(5, date(2026, 3, 17), CALENDAR)
    with pytest.raises(ClockError, match="不能延长"):
        Clock(PROVIDE, date(2026, 3, 2)).extend(1, date(2026, 3, 3), CALENDAR)
    assert Clock(CATALOGUE_UPDATE, date(2026, 3, 2)).extend(5, date(2026, 3, 3), CALENDAR).extension == 5


@given(DAYS, st.integers(0, 8), st.integers(0, 20), st.integers(0, 3))
def test_a_pause_postpones_the_end_by_exactly_its_working_days(start: date, used: int, paused: int, idle: int) -> None:
    pause = CALENDAR.after(start, used) + timedelta(days=idle)
    resume = CALENDAR.after(pause, paused)
    clock = Clock(ANSWER_CONDITIONAL, start)
    if CALENDAR.between(start, pause) >= clock.limit.days:
        return
    due = clock.pause(pause).resume(resume).due_on(CALENDAR, resume)
    assert CALENDAR.between(start, due) == clock.limit.days + CALENDAR.between(pause, resume)


@given(DAYS, st.integers(0, 60))
def test_days_left_and_lateness_agree(start: date, later: int) -> None:
    clock, today = Clock(ANSWER_CONDITIONAL, start), start + timedelta(days=later)
    left, due = clock.days_left(CALENDAR, today), clock.due_on(CALENDAR, today)
    assert (left >= 0) == (CALENDAR.between(start, today) <= clock.limit.days)
    assert clock.is_late(CALENDAR, today) == (today > due)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda c: c.resume(date(2026, 3, 3)),
        lambda c: c.pause(date(2026, 3, 3)).pause(date(2026, 3, 4)),
        lambda c: c.pause(date(2026, 3, 1)),
        lambda c: c.stop(date(2026, 3, 3)).stop(date(2026, 3, 4)),
        lambda c: c.stop(date(2026, 3, 3)).pause(date(2026, 3, 4)),
        lambda c: c.pause(date(2026, 3, 5)).resume(date(2026, 3, 4)),
    ],
)
def test_a_clock_refuses_what_is_out_of_order(misuse: object) -> None:
    with pytest.raises(ClockError):
        misuse(Clock(ANSWER_CONDITIONAL, date(2026, 3, 2)))  # type: ignore[operator]
