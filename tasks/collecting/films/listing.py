"""Tonight's list of popular films: read by the way that is open, made up for from earlier nights, and reported."""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from tasks import lake
from tasks.collecting.asking import come_back_note
from tasks.collecting.films.api import TmdbApi
from tasks.collecting.films.discover import read_by_api
from tasks.collecting.films.night_list import NightList
from tasks.collecting.films.site import TmdbSite, read_by_site
from tasks.collecting.report import SourceReport, first_of
from tasks.fetching.answer import FetchState
from tasks.schemas import LAKE_SCHEMAS
from tasks.settings import Settings


def collect_list(
    settings: Settings, way: TmdbApi | TmdbSite, as_of: date, max_films: int
) -> tuple[SourceReport, list[int]]:
    """The ids of the first `max_films` popular films in list order; the pages of a night are asked for once.

    The rows land in `tmdb/list`. A list that ends early is no fault: it is said in the report. One that the site
    cuts short is: what came is kept, under the state that cut it, the films known from earlier nights are kept up
    with in place of the others, and the next run asks for the rest.
    """
    with NightList(settings, as_of, max_films) as night:
        if isinstance(way, TmdbApi):
            read_by_api(settings, way, night)
        else:
            read_by_site(way, night)
    ids = list(night.films)[:max_films]
    is_whole = not night.failed and not night.stopped
    known = [] if is_whole else [tmdb_id for tmdb_id in known_films(settings, as_of) if tmdb_id not in night.films]
    ids += known[: max_films - len(ids)]
    _tell(night, come_back_note(way.session), n_kept_up=len(ids) - len(night.films))
    if is_whole:
        return night.report.close(FetchState.OK), ids
    return night.report.close(way.session.closed or (night.stopped or (None,))[0]), ids


def known_films(settings: Settings, as_of: date) -> list[int]:
    """TMDB ids in the lake: those of the newest list up to `as_of` first, then of earlier ones, then of film pages."""
    until = f"ingest_date={as_of.isoformat()}"
    wanted = pa.schema([LAKE_SCHEMAS[("tmdb", "film")].field("tmdb_id")])
    with lake.read_lock(settings.lake):
        listed = [file for file in lake.batch_files(settings.lake, "tmdb", "list") if file.parent.name <= until]
        files = [*reversed(listed), *lake.batch_files(settings.lake, "tmdb", "film")]
        ids = [tmdb_id for file in files for tmdb_id in lake.read_file(file, wanted)["tmdb_id"].to_pylist()]
    return [tmdb_id for tmdb_id in dict.fromkeys(ids) if tmdb_id is not None]


def _tell(night: NightList, come_back: str, n_kept_up: int) -> None:
    """Name the pages that did not come, and say in sentences what an operator should know."""
    report, n_films = night.report, len(night.films)
    report.n_rows = n_films
    for name, (page, _) in night.failed.items():
        report.miss([f"list {name}".rstrip()], page.state)
    kept_up = f", with {n_kept_up} films known from earlier nights in place of the others" * (n_kept_up > 0)
    later = f"; run `ostinato refresh` again later{come_back}."
    if night.stopped:
        state, reason = night.stopped
        report.skip([f"list {name}" for name in night.unread], state)
        told = f"stopped at {n_films} of the {night.max_films} asked for" if n_films else "was not read"
        report.notes.insert(0, f"TMDB's list of films {told} ({state}: {reason}){kept_up}{later}")
    elif night.failed:
        names = first_of([f"{name} {page.state}".lstrip() for name, (page, _) in night.failed.items()])
        report.notes.append(
            f"TMDB's list of films came without some of its pages ({names}): it holds {n_films} of the "
            f"{night.max_films} asked for{kept_up}{later}"
        )
    elif not night.is_full:
        report.notes.append(f"TMDB's list ended at {n_films} of the {night.max_films} films asked for.")
    report.n_answered = night.n_pages
    report.n_due = night.n_pages + len(report.missing)
