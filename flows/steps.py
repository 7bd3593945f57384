"""Prefect's view of the work: each step is a thin task around a plain function of `tasks/`.

Steps take and return small values (dates, counts, reports), never tables, and find the world through the
environment, so that a worker in another process runs them alike. Prefect caches nothing: the lake does.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from flows.fanout import ClusterError, fanned_out
from flows.progress import StepProgress
from tasks import dictionary, matching, reports, tagging, training, warehouse
from tasks.collecting.charts.backfill import PastChart, backfill_charts
from tasks.collecting.charts.nightly import collect_charts
from tasks.collecting.features.audio_files import measure_files
from tasks.collecting.features.chain import collect_features
from tasks.collecting.films.collect import collect_films
from tasks.collecting.made_up import prepare_made_up_world, set_clock
from tasks.collecting.report import SourceReport
from tasks.collecting.rereading import RereadReport, reread_pages
from tasks.collecting.retention import expire_pages, expire_rows
from tasks.collecting.soundtracks.imdb import collect_soundtracks
from tasks.collecting.soundtracks.musicbrainz import collect_recordings
from tasks.collecting.tracks.search import collect_tracks
from tasks.collecting.videos import collect_videos
from tasks.fetching.answer import FetchState
from tasks.lake import sweep_leftovers
from tasks.settings import OstinatoError, code_version, load_settings
from tasks.sources.datasets import ImportReport, import_files
from tasks.warehouse import BuildReport, CheckResult, Phase
from tasks.warehouse.connection import first_line
from tasks.warehouse.publish import Published


def of_source(source: str, collect: Callable[[], list[SourceReport]]) -> list[SourceReport]:
    """Run one source's collector; a fault in it that nobody foresaw costs that source's rows and nothing else.

    What a person must mend (a wrong key, a home that cannot be written) still ends the run.
    """
    try:
        return collect()
    except OstinatoError:
        raise
    except Exception as fault:
        get_run_logger().exception("The collector of %s failed.", source)
        report = SourceReport(source, "collector", notes=[f"The collector of {source} failed: {first_line(fault)}."])
        return [report.close(FetchState.BROKEN)]


@task(name="Prepare the made-up world", task_run_name="made-up world", cache_policy=NO_CACHE)
def made_up_world(as_of: date) -> int:
    """The sandbox's clock, and its labelled tracks where they have not come yet."""
    with StepProgress("Sandbox made ready"):
        return prepare_made_up_world(load_settings(), as_of)


@task(name="Set the made-up clock", task_run_name="made-up clock", cache_policy=NO_CACHE)
def made_up_clock(as_of: date) -> None:
    """The sandbox's clock alone."""
    set_clock(load_settings(), as_of)


@task(name="Collect films", task_run_name="films", cache_policy=NO_CACHE)
def films(as_of: date, max_films: int) -> list[SourceReport]:
    """TMDB: the list and the films, by the API where there is a key, else by browser and pages."""
    with StepProgress("Films from TMDB") as progress:
        reports = of_source("tmdb", lambda: collect_films(load_settings(), as_of, max_films, progress))
    gc.collect()  # Selenium's finalizers run here: Python drops the exception of a SIGTERM that meets one later
    return reports


@task(name="Collect soundtracks", task_run_name="soundtracks", cache_policy=NO_CACHE)
def soundtracks(as_of: date) -> list[SourceReport]:
    """IMDb: the soundtrack credits of the films in the lake."""
    with StepProgress("Soundtrack credits from IMDb") as progress:
        return of_source("imdb", lambda: [collect_soundtracks(load_settings(), as_of, progress)])


@task(name="Collect recordings", task_run_name="recordings", cache_policy=NO_CACHE)
def recordings(as_of: date) -> list[SourceReport]:
    """MusicBrainz: the soundtrack albums of films whose list IMDb does not give."""
    with StepProgress("Recordings from MusicBrainz") as progress:
        return of_source("musicbrainz", lambda: [collect_recordings(load_settings(), as_of, progress)])


@task(name="Collect charts", task_run_name="charts", cache_policy=NO_CACHE)
def charts(as_of: date) -> list[SourceReport]:
    """Melon: the charts of the day, month and year, and the songs on them."""
    with StepProgress("Charts from Melon") as progress:
        return of_source("melon", lambda: collect_charts(load_settings(), as_of, progress))


@task(name="Collect past charts", task_run_name="past charts", cache_policy=NO_CACHE)
def past_charts(
    as_of: date, first: date, last: date, kinds: Sequence[PastChart], with_songs: bool
) -> list[SourceReport]:
    """Melon: the charts of past months, weeks and years that the lake does not hold yet."""
    with StepProgress("Past charts from Melon") as progress:
        return backfill_charts(load_settings(), as_of, first, last, kinds, with_songs=with_songs, progress=progress)


@task(name="Collect tracks", task_run_name="tracks", cache_policy=NO_CACHE)
def tracks(as_of: date) -> list[SourceReport]:
    """Spotify: what credits and charts ask for."""
    with StepProgress("Tracks from Spotify") as progress:
        return of_source("spotify", lambda: [collect_tracks(load_settings(), as_of, progress)])


@task(name="Collect features", task_run_name="features", cache_policy=NO_CACHE)
def features(as_of: date) -> list[SourceReport]:
    """ReccoBeats, then Spotify: audio features of the tracks that have none."""
    with StepProgress("Features of tracks") as progress:
        return of_source("reccobeats", lambda: collect_features(load_settings(), as_of, progress))


@task(name="Collect videos", task_run_name="videos", cache_policy=NO_CACHE)
def videos(as_of: date) -> list[SourceReport]:
    """YouTube: a video for tracks without a Spotify page, where there is a key."""
    settings = load_settings()
    if settings.youtube_api_key is None:
        return []
    with StepProgress("Videos from YouTube") as progress:
        return of_source("youtube", lambda: [collect_videos(settings, as_of, progress)])


@task(name="Measure audio files", task_run_name="audio files", cache_policy=NO_CACHE)
def audio(as_of: date) -> list[SourceReport]:
    """The operator's own audio files, where a folder of them is named."""
    settings = load_settings()
    if settings.audio is None:
        return []
    folder = settings.audio
    with StepProgress("Audio files measured") as progress, fanned_out(settings) as fanout:
        try:
            with warehouse.world_lock(settings, part="audio"):  # or `ostinato measure` would measure the same files
                return of_source("audio", lambda: [measure_files(settings, [folder], as_of, progress, fanout=fanout)])
        except ClusterError:
            raise
        except OstinatoError as fault:  # a folder that is away, such as a disk not mounted, is no reason to stop
            return [SourceReport("audio", "audio_features", notes=[str(fault)]).close(FetchState.MISSING)]


@task(name="Read pages anew", task_run_name="reread {source}", cache_policy=NO_CACHE)
def reread(source: str) -> RereadReport:
    """Today's parsers over the archived pages of a source."""
    settings = load_settings()
    with StepProgress("Archived pages read anew") as progress, fanned_out(settings) as fanout:
        return reread_pages(settings, source, progress, fanout)


@task(name="Tidy up", task_run_name="tidy up", cache_policy=NO_CACHE)
def tidy_up(as_of: date) -> int:
    """Delete what killed runs left, and archived pages that a source's terms no longer let stay."""
    settings = load_settings()
    n_leftovers = sum(sweep_leftovers(folder) for folder in (settings.lake, settings.world / "rejects"))
    return n_leftovers + expire_rows(settings, as_of) + expire_pages(settings, as_of)


@task(name="Import data sets", task_run_name="import", cache_policy=NO_CACHE)
def imports(paths: Sequence[Path], as_of: date) -> list[ImportReport]:
    """Data set files into the lake."""
    with StepProgress("Data sets into the lake") as progress:
        return import_files(load_settings(), paths, as_of, progress)


@task(name="Build tables", task_run_name="build {phase}", cache_policy=NO_CACHE)
def build(phase: Phase, *, training: bool) -> BuildReport:
    """The SQL models of one phase."""
    with StepProgress(f"Tables, {phase}") as progress:
        return warehouse.build(load_settings(), phase=phase, training=training, progress=progress)


@task(name="Match credits to tracks", task_run_name="match", cache_policy=NO_CACHE)
def match(*, training: bool) -> matching.MatchReport:
    """Soundtrack credits and chart songs to tracks; with `training`, also by the names of cleared sources alone."""
    settings = load_settings()
    with StepProgress("Credits matched to tracks") as progress, fanned_out(settings) as fanout:
        return matching.match_all(settings, trainable=training, progress=progress, fanout=fanout)


@task(name="Train a model", task_run_name="train {model}", cache_policy=NO_CACHE)
def train(model: str, as_of: date) -> training.TrainingReport:
    """One model, evaluated beside the prior and logged to MLflow."""
    with StepProgress(f"Training {model}") as progress:
        return training.train(load_settings(), model, as_of, progress)


@task(name="Tag tracks", task_run_name="tag", cache_policy=NO_CACHE)
def tag(as_of: date) -> tagging.TaggingReport:
    """Every track with features, by the champions."""
    settings = load_settings()
    with StepProgress("Tracks tagged") as progress, fanned_out(settings) as fanout:
        return tagging.tag_tracks(settings, as_of, progress, fanout)


@task(name="Rate films", task_run_name="rate", cache_policy=NO_CACHE)
def rate() -> tagging.RatingReport:
    """Every film of a known year, by the champion of film ratings, where one has been trained."""
    with StepProgress("Films rated"):
        return tagging.rate_films(load_settings())


@task(name="Audit", task_run_name="audit", cache_policy=NO_CACHE)
def audit(accept_loss: bool) -> list[CheckResult]:
    """Header tests and audits on what was just built, and rows gone missing, unless the operator accepts that."""
    with StepProgress("Audit"):
        return warehouse.run_checks(load_settings(), accept_loss=accept_loss)


@task(name="Write the run's books", task_run_name="books", cache_policy=NO_CACHE)
def books(
    flow: str,
    run_id: str,
    as_of: date,
    sources: Sequence[SourceReport],
    checks: Sequence[CheckResult],
    built: SourceReport,
) -> None:
    """The run's log and checks into the lake, and into the marts that show them."""
    settings = load_settings()
    reports.write_books(settings, flow, run_id, as_of, sources, checks, built)
    warehouse.build(settings, select="marts.run_log")
    warehouse.build(settings, select="marts.data_quality")


@task(name="Publish", task_run_name="publish", cache_policy=NO_CACHE)
def publish(run_id: str, as_of: date, checks: Sequence[CheckResult]) -> Published:
    """The next catalogue, served by switching one link."""
    with StepProgress("Catalogue published"):
        return warehouse.publish(
            load_settings(), run_id=run_id, as_of=as_of, code_version=code_version(), checks=checks
        )


def tell(summary: reports.RunSummary, key: str) -> None:
    """The run's story as artifacts in the Prefect UI: summary, offending rows, SQL graph, data dictionary."""
    create_markdown_artifact(reports.markdown(summary), key=f"{key}-summary", description=summary.title)
    if any(check.failing_rows for check in summary.checks):
        rows = reports.audit_rows_markdown(summary.checks)
        create_markdown_artifact(rows, key=f"{key}-audit", description="Rows that fail a check")
    graph = reports.sql_graph_markdown(summary.built)
    create_markdown_artifact(graph, key=f"{key}-sql-graph", description="SQL models and what they read")
    document(key)


def document(key: str) -> None:
    """The data dictionary as of now: the whole page in the world's folder, its table of tables in the Prefect UI.

    The UI shows no HTML, and browsers follow no link from it to a file, so the artifact says where the page lies.
    """
    settings = load_settings()
    try:
        known = dictionary.compile_dictionary(settings)
        page = dictionary.write_page(known, settings.docs_page)
    except OstinatoError as fault:  # what was built and published stays so
        get_run_logger().warning("The data dictionary was not written: %s", fault)
        return
    tables = dictionary.as_markdown(known, page)
    create_markdown_artifact(tables, key=f"{key}-dictionary", description="Tables, rows and checks")
