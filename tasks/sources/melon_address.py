"""Melon's addresses: which chart or song one names, and how to ask for one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

from tasks.settings import today

ALL_CLASSES = "GN0000"  # Melon's class code for "all genres", which its charts show unless asked otherwise

FIRST_MONDAY = date(2012, 9, 3)
"""The first chart week taken to begin on a Monday."""

FIRST_YEAR = 1964
"""The first year that Melon's age charts have; only a decade may begin before it."""

_KINDS = {"DE": "day", "WE": "week", "MO": "month", "YE": "age_year", "AG": "age_decade"}


@dataclass(frozen=True, slots=True)
class ChartPlace:
    """Which chart a page holds: kind, scope (KPOP, POP or a class code) and period (`2019`, `2012-03`, ...)."""

    chart: str | None = None
    scope: str | None = None
    period: str | None = None


def chart_place(url: str) -> ChartPlace:
    """Kind, scope and period as a chart's address tells them; weeks are named by their first day.

    >>> chart_place("https://www.melon.com/chart/age/list.htm?chartType=YE&chartGenre=KPOP&chartDate=2019")
    ChartPlace(chart='age_year', scope='KPOP', period='2019')
    >>> chart_place("/chart/month/index.htm?classCd=GN0100&moved=Y&rankMonth=201203")
    ChartPlace(chart='month', scope='GN0100', period='2012-03')
    >>> chart_place("https://www.melon.com/chart/index.htm?dayTime=2018012316")
    ChartPlace(chart='top100', scope='GN0000', period='2018-01-23T16')
    """
    path, asked = _asked(url)
    scope = asked.get("classCd") or ALL_CLASSES
    match path.split("/"):
        case ["chart"]:
            return ChartPlace("top100", scope, real_period(asked.get("dayTime")))
        case ["chart", ("day" | "week" | "month") as chart]:
            day = asked.get("rankMonth") or asked.get("rankDay") or asked.get("startDay")
            return ChartPlace(chart, scope, real_period(day))
        case ["chart", "age"]:
            kind = _KINDS.get(asked.get("chartType", ""))
            return ChartPlace(
                kind, asked.get("chartGenre"), real_period(asked.get("chartDate"), is_decade=kind == "age_decade")
            )
        case ["chart", "search"]:
            return _past_chart_place(asked, scope)
    return ChartPlace()


def _asked(url: str) -> tuple[str, dict[str, str]]:
    """The path of an address without the name of its page, and the values it asks with."""
    try:
        address = urlsplit(url)
    except ValueError:
        return "", {}
    asked = {name: values[0].strip() for name, values in parse_qs(address.query).items()}
    return re.sub(r"(index|list)\.htm$", "", address.path).strip("/"), asked


def _past_chart_place(asked: Mapping[str, str], scope: str) -> ChartPlace:
    month = asked.get("year", "") + asked.get("mon", "").zfill(2)
    first_day = asked.get("day", "").partition("^")[0] or asked.get("startDay", "")
    if len(first_day) == 8:
        period = first_day
    else:
        period = month if asked.get("mon") else asked.get("year") or asked.get("age", "")
    kind = _KINDS.get(asked.get("chartType", ""))
    return ChartPlace(kind, scope, real_period(period, is_decade=kind == "age_decade"))


def real_period(text: str | None, *, is_decade: bool = False) -> str | None:
    """A year, month, day or hour that a chart can be of, or the first year of a decade; null for any other text.

    >>> real_period("2018012316"), real_period("201203"), real_period("1960", is_decade=True)
    ('2018-01-23T16', '2012-03', '1960')
    >>> real_period("209913"), real_period("20230231"), real_period("2018012324"), real_period("March")
    (None, None, None, None)
    """
    found = re.fullmatch(r"([0-9]{4})([0-9]{2})?([0-9]{2})?([0-9]{2})?", text or "")
    if found is None:
        return None
    year, month, day, hour = found.groups()
    first_year = FIRST_YEAR // 10 * 10 if is_decade else FIRST_YEAR
    if not first_year <= int(year) <= today().year + 1 or int(hour or 0) > 23:
        return None
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    return "-".join(part for part in (year, month, day) if part) + (f"T{hour}" if hour else "")


def period_fault(url: str) -> str | None:
    """Why no chart can be of the period that an address asks for; null where one can, or where it asks for none.

    A period that is written in another way than Melon's, in digits without signs between, is none either.
    """
    path, asked = _asked(url)
    if path.split("/")[0] != "chart":
        return None
    is_decade = asked.get("chartType") == "AG"
    for name, period, n_digits in _asked_periods(asked):
        if period and (len(period) != n_digits or real_period(period, is_decade=is_decade) is None):
            return (
                f"the address asks for {name} {period[:40]!r}, which no Melon chart is of; name a period "
                f"of the calendar from {FIRST_YEAR} to {today().year + 1}, as in rankMonth=201203"
            )
    first, last = _asked_week(asked)
    if real_period(first) and real_period(last) and not 0 <= (_day(last) - _day(first)).days < 7:
        return f"the address asks for the week {first[:40]} to {last[:40]}, which is none; name as in 20120213^20120219"
    return None


def _asked_periods(asked: Mapping[str, str]) -> Iterator[tuple[str, str, int]]:
    """Each period in an address by its name there, and how many digits it has."""
    for name, n_digits in (("rankMonth", 6), ("rankDay", 8), ("dayTime", 10), ("chartDate", 4)):
        yield name, asked.get(name, ""), n_digits
    year, month = asked.get("year", ""), asked.get("mon", "")
    yield ("year and mon", year + month.zfill(2), 6) if year and month else ("year", year, 4)
    for name, day in zip(("first day", "last day"), _asked_week(asked), strict=True):
        yield name, day, 8


def _asked_week(asked: Mapping[str, str]) -> tuple[str, str]:
    """First and last day of the week that an address asks for, empty where it does not say them."""
    first, _, last = asked.get("day", "").partition("^")
    return first or asked.get("startDay", ""), last or asked.get("endDay", "")


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6] or 1), int(text[6:8] or 1))


def top100_url(base: str, hour: datetime | None = None) -> str:
    """The TOP100 of an hour of Korean time; the running hour where none is named."""
    return f"{base}/chart/index.htm" + (f"?dayTime={hour:%Y%m%d%H}" if hour else "")


def month_url(base: str, month: date, class_code: str = ALL_CLASSES) -> str:
    """The chart of one closed month."""
    return f"{base}/chart/month/index.htm?" + urlencode(
        {"classCd": class_code, "moved": "Y", "rankMonth": f"{month:%Y%m}"}
    )


def past_month_url(base: str, month: date, class_code: str = ALL_CLASSES) -> str:
    """A month's chart in Melon's search of past charts, which reaches further back than the monthly chart's page."""
    return _past_url(base, "MO", month, "", class_code)


def past_week_url(base: str, first_day: date, class_code: str = ALL_CLASSES) -> str:
    """The chart of the week that begins on this day, in Melon's search of past charts."""
    days = f"{first_day:%Y%m%d}^{first_day + timedelta(days=6):%Y%m%d}"
    return _past_url(base, "WE", first_day, days, class_code)


def _past_url(base: str, kind: str, day: date, days: str, class_code: str) -> str:
    asked = {"chartType": kind, "age": str(day.year // 10 * 10), "year": str(day.year), "mon": f"{day:%m}", "day": days}
    return f"{base}/chart/search/list.htm?" + urlencode({**asked, "classCd": class_code, "moved": "Y"})


def first_days_of_weeks(start: date, stop: date) -> Iterator[date]:
    """First days of the chart weeks that lie wholly in [start, stop).

    Melon's weeks began on Sundays until at least 27 May 2012 and begin on Mondays since at least 3 December 2012, by
    the dates of its published weekly charts; which week brought the change is not known, so it is put between.
    """
    for weekday, begin, end in ((6, start, min(stop, FIRST_MONDAY)), (0, max(start, FIRST_MONDAY), stop)):
        day = begin + timedelta(days=(weekday - begin.weekday()) % 7)
        while day + timedelta(days=7) <= end:
            yield day
            day += timedelta(days=7)


def age_url(base: str, year: int, scope: str) -> str:
    """The age chart of one year; `scope` is KPOP or POP. Its frame page holds no rows, this fragment does."""
    asked = {"idx": "1", "chartType": "YE", "chartGenre": scope, "chartDate": str(year), "moved": "Y"}
    return f"{base}/chart/age/list.htm?" + urlencode(asked)


def song_url(base: str, song_id: str) -> str:
    """The page of one song."""
    return f"{base}/song/detail.htm?songId={song_id}"


def song_id_of_address(url: str | None) -> str | None:
    """The song number in a song page's address; null where it names none."""
    found = re.search(r"[?&]songId=([0-9]+)", url or "")
    return found[1] if found else None
