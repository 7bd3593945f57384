"""`ostinato review`: doubtful matches settled by people, out to a CSV and in again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ostinato.console import enter_world
from ostinato.options import AsOfOption, JsonOption, ProfileOption, day_of

app = typer.Typer(no_args_is_help=True, help="Settle which soundtrack credits mean which tracks, by a CSV.")


@app.command("export")
def export(
    out: Annotated[Path, typer.Argument(readable=False, help="CSV to write, for a spreadsheet.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Also pairs that were matched or settled, to overrule them.")
    ] = False,
    film: Annotated[str | None, typer.Option(help="Only this film, by its film_id, such as tt0109830.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many pairs.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file, with what was noted in it.")
    ] = False,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the pairs in doubt to a CSV: put `same` or `different` into its column verdict, and give it back.

    Rows that you leave empty stay in doubt.
    """
    settings = enter_world(profile)
    from ostinato.show.review import show_export
    from tasks.matching.review import export_pairs

    n_pairs = export_pairs(settings, out, everything=everything, film=film, most=limit, overwrite=overwrite)
    show_export(out, n_pairs, as_json=as_json)


@app.command("settle")
def settle_pairs(
    file: Annotated[Path, typer.Argument(readable=False, help="The CSV with your verdicts.")],
    by: Annotated[
        str | None, typer.Option(help="Who settled them, kept with each verdict. Default: nobody named.")
    ] = None,
    profile: ProfileOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in your verdicts. A settled pair stays settled, whatever matching finds later; your last word counts."""
    settings = enter_world(profile)
    from ostinato.show.review import show_settled
    from tasks.matching.review import settle

    show_settled(settle(settings, file, day_of(as_of), by), as_json=as_json)
