"""The `ostinato` command: every job of the project from a terminal.

Heavy packages are imported inside the commands that need them, so that `--help` and `query` answer at once.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from ostinato import console, review
from ostinato.console import enter_world, print_json
from ostinato.ending import run
from ostinato.options import AsOfOption, JsonOption, ProfileOption, day_of
from tasks.settings import OstinatoError, Profile

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Ostinato keeps a film-and-music catalogue fresh. Begin with `ostinato refresh`: it needs no account.",
)
app.add_typer(review.app, name="review")


@app.command()
def refresh(
    profile: ProfileOption = None,
    as_of: AsOfOption = None,
    films: Annotated[int, typer.Option(min=1, max=10_000, help="Films of TMDB's list to keep up with.")] = 300,
    skip_fetch: Annotated[
        bool, typer.Option("--skip-fetch", help="Build and publish from the lake; ask no site.")
    ] = False,
    accept_loss: Annotated[
        bool,
        typer.Option("--accept-loss", help="Publish although tables lost over half their rows since the served one."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """The nightly job, here and now: collect, build, match, tag, audit, publish.

    In the sandbox world it starts the sandbox itself, stops it after, and trains first models where there are none.
    """
    settings = enter_world(profile)
    from ostinato.jobs import refresh_now
    from ostinato.show.runs import show_refresh, stops_shown

    with stops_shown(as_json=as_json):
        summary = refresh_now(
            settings, as_of=day_of(as_of), max_films=films, skip_fetch=skip_fetch, accept_loss=accept_loss
        )
    show_refresh(settings, summary, as_json=as_json)


@app.command()
def retag(profile: ProfileOption = None, as_of: AsOfOption = None, as_json: JsonOption = False) -> None:
    """The monthly job: train challengers, tag every track with the champions, publish."""
    settings = enter_world(profile)
    from ostinato.jobs import retag_now
    from ostinato.show.runs import show_refresh, stops_shown

    with stops_shown(as_json=as_json):
        summary = retag_now(settings, as_of=day_of(as_of))
    show_refresh(settings, summary, as_json=as_json)


@app.command()
def train(
    model: Annotated[str, typer.Argument(help="track-genre, film-genre or track-mood.")],
    profile: ProfileOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train one model on what the lake holds, log it to MLflow, and print its scores beside the prior's.

    The first model of a job becomes champion, later ones challenger until they are promoted in MLflow.
    """
    from tasks.training import TRAINABLE

    if model not in TRAINABLE:
        raise typer.BadParameter(f"{model!r} is none of {', '.join(TRAINABLE)}.", param_hint="MODEL")
    settings = enter_world(profile)
    from ostinato.jobs import train_now
    from ostinato.show.runs import show_training

    show_training(settings, train_now(settings, model, day_of(as_of)), as_json=as_json)


@app.command()
def tag(
    file: Annotated[
        Path, typer.Argument(readable=False, help="CSV or Parquet with the audio features, columns in any order.")
    ],
    out: Annotated[Path, typer.Option(readable=False, help="Where to write: .parquet, .csv or .jsonl.")],
    group: Annotated[str | None, typer.Option(help="Column that names a film or album: one answer per group.")] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score your own table with the champions: every row x kind x label with its probability."""
    settings = enter_world(profile)
    from ostinato.show.files import show_tagged_file
    from tasks.tagging import tag_file

    show_tagged_file(tag_file(settings, file, out, group), as_json=as_json)


@app.command("import")
def import_(
    paths: Annotated[
        list[Path], typer.Argument(readable=False, help="CSV, CSV.gz or Parquet files.", metavar="PATH...")
    ],
    profile: ProfileOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load data set files into the lake, each recognised by its columns.

    Writes to the live world unless told otherwise. Importing a file is your word that models may be trained on it.
    """
    settings = enter_world(profile, default=Profile.LIVE)
    from ostinato.jobs import import_now
    from ostinato.show.files import show_imports

    show_imports(import_now(settings, paths, day_of(as_of)), as_json=as_json)


@app.command()
def measure(
    paths: Annotated[
        list[Path], typer.Argument(readable=False, help="Audio files, or folders with some.", metavar="PATH...")
    ],
    again: Annotated[
        bool, typer.Option("--again", help="Open also files that have not changed, such as those that failed before.")
    ] = False,
    profile: ProfileOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure your own audio files, so that they are tagged as tracks of the catalogue.

    Writes to the live world unless told otherwise. Tempo, key, mode and duration are measured, the other features are
    estimates. With OSTINATO_AUDIO set to a folder, every refresh does this for new and changed files.
    """
    settings = enter_world(profile, default=Profile.LIVE)
    from ostinato.jobs import measure_now
    from ostinato.show.runs import show_measured

    show_measured(measure_now(settings, paths, day_of(as_of), again=again), as_json=as_json)


@app.command("backfill-charts")
def backfill_charts(
    first: Annotated[
        str, typer.Option("--from", metavar="YYYY-MM", help="First month, not before 1960-01.")
    ] = "1980-01",
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM", help="Last month. Default: the newest that is closed.")
    ] = None,
    chart: Annotated[
        list[str] | None, typer.Option(help="month, week or year; repeat it for several. Default: month and year.")
    ] = None,
    songs: Annotated[bool, typer.Option("--songs", help="Also fetch pages of the songs on them, 300 a run.")] = False,
    profile: ProfileOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Melon's charts of past months, weeks and years, at most one page a second.

    Stop it whenever you like: every page is kept, and the same command goes on where it stopped. The next
    `ostinato refresh` (or `refresh --skip-fetch`) builds and publishes what came in.
    """
    kinds = chart or ["month", "year"]
    _check_months(first, last)
    _check_charts(kinds, first, last, day_of(as_of))
    settings = enter_world(profile)
    from ostinato.jobs import backfill_now
    from ostinato.show.runs import show_backfill

    summary = backfill_now(settings, as_of=day_of(as_of), first=first, last=last, kinds=kinds, with_songs=songs)
    show_backfill(settings, summary, as_json=as_json)


def _check_months(first: str, last: str | None) -> None:
    for option, month in (("--from", first), ("--to", last)):
        if month is not None and not re.fullmatch(r"[12][0-9]{3}-(0[1-9]|1[0-2])", month):
            raise typer.BadParameter(f"{month!r} is no month such as 1980-01.", param_hint=option)
    if last is not None and last < first:
        raise typer.BadParameter(f"{last} is before {first}.", param_hint="--to")


def _check_charts(kinds: list[str], first: str, last: str | None, as_of: date) -> None:
    """Refuse what a backfill would find nothing for, before any server is started."""
    from tasks.collecting.charts.backfill import PastChart, require_closed_period

    for kind in kinds:
        if kind not in set(PastChart):
            raise typer.BadParameter(f"{kind!r} is none of {', '.join(PastChart)}.", param_hint="--chart")
    months = [date.fromisoformat(f"{month}-01") if month else as_of for month in (first, last)]
    try:
        require_closed_period(as_of, months[0], months[1], [PastChart(kind) for kind in kinds])
    except OstinatoError as fault:
        raise typer.BadParameter(str(fault), param_hint="--from") from None


@app.command()
def parse(
    kind: Annotated[str, typer.Argument(help="imdb-soundtrack, melon-chart, melon-song, tmdb-list, tmdb-film, ...")],
    file: Annotated[Path, typer.Argument(readable=False, help="A saved page or body, plain or gzip.")],
    url: Annotated[
        str | None, typer.Option(help="Address it came from, for what the page does not say itself.")
    ] = None,
) -> None:
    """Parse a saved page or API body and print one JSON line per row: how to see what a site changed."""
    from ostinato.show.files import print_parsed
    from tasks.sources.kinds import PARSERS

    if kind not in PARSERS:
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(PARSERS)}.", param_hint="KIND")
    print_parsed(kind, file, url)


@app.command()
def reparse(
    source: Annotated[str, typer.Argument(help="tmdb, imdb, musicbrainz, melon, spotify, reccobeats or youtube.")],
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run today's parser over all archived pages of a source, without one request.

    So a mended parser reaches every page that is still kept; rows of pages that have expired stay as they were. The
    next `ostinato refresh` (or `refresh --skip-fetch`) builds and publishes the result.
    """
    from tasks.collecting.rereading import REREADERS

    known = sorted({name for name, _ in REREADERS})
    if source not in known:
        raise typer.BadParameter(f"{source!r} is none of {', '.join(known)}.", param_hint="SOURCE")
    settings = enter_world(profile)
    from ostinato.jobs import reparse_now
    from ostinato.show.runs import show_reread

    show_reread(reparse_now(settings, source), as_json=as_json)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT over the published tables.")],
    param: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="A value that stands for $NAME, as text: `$rank::int` where it is none."
        ),
    ] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the published catalogue, read-only.

    Tables: track, track_tag, film, film_track, film_genre_fit, chart_entry, ... (`show tables` lists them). A value
    that others chose is safest as a parameter: `ostinato query "from track where title = $title" --param title=...`.
    """
    values = _parameters(param or [])
    settings = enter_world(profile)
    from tasks.warehouse import query as ask

    result = ask(settings, sql, values)
    if as_json:
        print_json(result.as_dicts())
    else:
        console.print_table(result.columns, result.rows)


def _parameters(words: list[str]) -> dict[str, str]:
    for word in words:
        if not re.match(r"[A-Za-z_]\w*=", word):
            raise typer.BadParameter(f"{word!r} is no NAME=VALUE such as title=Main Title.", param_hint="--param")
    return dict(word.split("=", 1) for word in words)


@app.command()
def rollback(
    snapshot: Annotated[
        str | None, typer.Argument(help="Snapshot to serve. Default: the one before the served one.")
    ] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve an earlier snapshot of the catalogue."""
    settings = enter_world(profile)
    from tasks.warehouse import rollback as serve

    served = serve(settings, snapshot)
    if as_json:
        print_json({"served": served.name, "path": str(served)})
    else:
        console.out.print(f"Serving {served.name} ({served}).", soft_wrap=True)


@app.command()
def build(
    select: Annotated[
        str | None, typer.Option(help="One model (core.film), or it and all that read it (core.film+).")
    ] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Build whole also what has not changed.")] = False,
    list_models: Annotated[bool, typer.Option("--list", help="Name the models in build order and stop.")] = False,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the SQL models of the warehouse alone; nothing is published.

    A model whose inputs have not changed is left alone; where some of their rows have, only the keys of these rows are
    made again, if the model's header says how.
    """
    settings = enter_world(profile)
    from ostinato.show.world import build_and_show

    build_and_show(settings, select, anew=anew, list_models=list_models, as_json=as_json)


@app.command()
def docs(
    out: Annotated[
        Path | None, typer.Option(readable=False, help="HTML file to write. Default: docs/index.html in the world.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show the page in your browser.")] = False,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the data dictionary as one HTML page: tables, columns with units, tests, lineage, sources.

    Rows and checks are those of the last build, where there was one. `--json` prints the dictionary and writes no page.
    """
    settings = enter_world(profile)
    from ostinato.show.world import show_docs

    show_docs(settings, out, in_browser=open_, as_json=as_json)


@app.command()
def status(profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """The served catalogue and its age, kept snapshots, champions, and the last runs of each source."""
    settings = enter_world(profile)
    from ostinato.show.world import show_status

    show_status(settings, as_json=as_json)


@app.command()
def doctor(profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Check browser, keys, servers, disk and versions, and say what to do about each fault."""
    settings = enter_world(profile)
    from ostinato.show.world import show_doctor

    show_doctor(settings, as_json=as_json)


@app.command()
def up(
    profile: ProfileOption = None,
    prefect_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the Prefect UI.")] = 4200,
    mlflow_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the MLflow UI.")] = 5000,
) -> None:
    """Start Prefect, MLflow, a worker and (in the sandbox world) the sandbox on loopback, until Ctrl-C."""
    settings = enter_world(profile)
    from ostinato.services import up as start

    start(settings, prefect_port=prefect_port, mlflow_port=mlflow_port)


def main() -> None:
    """Run a command; a fault that a user can act on is one line on stderr and exit code 1."""
    run(app)


if __name__ == "__main__":
    main()
