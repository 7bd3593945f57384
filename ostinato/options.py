"""Options that many commands share."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from tasks.settings import Profile, today

ProfileOption = Annotated[
    Profile | None,
    typer.Option(help="World to work on. Default: OSTINATO_PROFILE, else live where it exists, else sandbox."),
]
# Files are `readable=False`: typer leaves them alone, and the command itself says what is wrong with one.
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, for scripts.")]
AsOfOption = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Day to work for (YYYY-MM-DD). Default: today in Seoul."),
]


def day_of(as_of: datetime | None) -> date:
    """The day to work for, which is today unless one was named."""
    return as_of.date() if as_of else today()
