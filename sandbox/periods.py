"""The periods of Melon's charts, as its addresses name them; one that has not closed by the clock has no chart."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sandbox.korean import FIRST_YEAR

DAYS_OF_WEEK = 7


@dataclass(frozen=True, slots=True)
class Period:
    """A chart's period; `is_long` periods (a year, a decade) show the songs that came out in them."""

    first: date
    last: date
    is_long: bool = False

    @property
    def before(self) -> Period:
        """The period of the same kind before this one."""
        last = self.first - timedelta(days=1)
        if (self.last - self.first).days > 27:
            return Period(last.replace(day=1), last)
        return Period(last - (self.last - self.first), last)


def day_of(day: date) -> Period:
    """One day."""
    return Period(day, day)


def week_before(as_of: date) -> Period:
    """The newest closed week, Monday to Sunday."""
    monday = as_of - timedelta(days=as_of.weekday() + 7)
    return Period(monday, monday + timedelta(days=6))


def month_of(text: str | None, as_of: date) -> Period | None:
    """The month `YYYYMM`, by default the newest closed one; None where it is no month or has not closed."""
    newest = as_of.replace(day=1) - timedelta(days=1)
    if not text:
        return Period(newest.replace(day=1), newest)
    if not (text.isascii() and text.isdigit() and len(text) == 6 and 1 <= int(text[4:]) <= 12):
        return None
    year, month = int(text[:4]), int(text[4:])
    if not FIRST_YEAR + 1 <= year <= newest.year:
        return None
    last = date(year, month, calendar.monthrange(year, month)[1])
    return Period(last.replace(day=1), last) if last <= newest else None


def years_of(chart_type: str, text: str, as_of: date) -> Period | None:
    """The year (`YE`) or decade (`AG`) that `text` names; None where there is no such chart yet."""
    if not (text.isascii() and text.isdigit() and len(text) == 4):
        return None
    year = int(text) if chart_type == "YE" else int(text) // 10 * 10
    n_years = {"YE": 1, "AG": 10}.get(chart_type, 0)
    if n_years == 0 or not year >= FIRST_YEAR or year + n_years - 1 >= as_of.year:
        return None
    return Period(date(year, 1, 1), date(year + n_years - 1, 12, 31), is_long=True)


def named_day(text: str | None, as_of: date) -> date | None:
    """The day `YYYYMMDD`; None where it is none, comes later than the clock or before the charts."""
    if not text or not re.fullmatch(r"[0-9]{8}", text):
        return None
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
    return day if day.year > FIRST_YEAR and day <= as_of else None


def named_hour(text: str, as_of: date) -> datetime | None:
    """The hour `YYYYMMDDHH` of a day that has come."""
    day = named_day(text[:8], as_of)
    if day is None or not re.fullmatch(r"[01][0-9]|2[0-3]", text[8:]):
        return None
    return datetime(day.year, day.month, day.day, int(text[8:]))


def week_of(first: str, last: str, as_of: date) -> Period | None:
    """The week from one day to another; None where those are not seven days that have passed."""
    begins, ends = named_day(first, as_of), named_day(last, as_of)
    if begins is None or ends is None or (ends - begins).days != DAYS_OF_WEEK - 1 or ends >= as_of:
        return None
    return Period(begins, ends)


def past_period(asked: Mapping[str, str], as_of: date) -> Period | None:
    """The period that an address of the past charts names: `chartType` DE, WE, MO, YE or AG, and its parts.

    Days come as `day=<from>^<to>`, or as `startDay` and `endDay`.
    """
    kind, year = asked.get("chartType", ""), asked.get("year", "")
    first, _, last = asked.get("day", "").partition("^")
    first, last = first or asked.get("startDay", ""), last or asked.get("endDay", "")
    if kind == "DE":
        day = named_day(first, as_of)
        return day_of(day) if day and day < as_of else None
    if kind == "WE":
        return week_of(first, last, as_of)
    if kind == "MO":
        return month_of(year + asked.get("mon", "").zfill(2), as_of)
    return years_of(kind, (year or asked.get("age", "")) if kind == "YE" else asked.get("age", "") or year, as_of)
