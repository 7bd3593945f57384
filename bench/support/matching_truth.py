"""Precision and recall of matching, from the pairs labelled by hand in `tests/real`.

`labelled_matches.csv` holds pairs of a film and a track. Right is the recording that one of the film's credits names,
or a release of it; a remaster, an edit or a mono mix is a release, a live recording, a remix, a cover or a duet is not.
Wrong pairs say by what: `artist`, `version`, `song`, or `list`, where the list of credits is another work's. A pair
that could not be told has no verdict. `drawn` names the sample:

- `first`: 240 pairs that the method or an exact join claimed at the time. Rules were written with these in view.
- by method and score, from all that the method scores 0.5 or more, and what an exact join or Splink (from 0.5) claims
  beside it: within each of these strata the pairs with the lowest md5 of `2026`, film and track. `part` splits them by
  film: the half whose md5 of the film begins with 0 to 7 is `tuned` on, the other `held_out`.
- `after_`: from what was claimed once the rules stood, and was not labelled yet, by the md5 with `2027`.

A stratum's pairs stand for all of it: each weighs the stratum's size over its judged pairs.
"""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

LABELS = Path(__file__).resolve().parents[2] / "tests" / "real" / "labelled_matches.csv"
SONG_LABELS = LABELS.with_name("labelled_songs.csv")
_Z95 = 1.959964

_LABEL = """
create table label as
select imdb_id as film_id, track_id, is_right, coalesce(wrong_by, '') as wrong_by, drawn, part,
    stratum_size / count(is_right) over (partition by drawn) as weight
from read_csv($path, types = {'is_right': 'boolean', 'wrong_by': 'varchar'})
where is_right is not null
"""
_SONG_LABEL = """
create table song_label as
select title, singers, track_id, is_right, stratum_size / count(is_right) over (partition by drawn) as weight
from read_csv($path, types = {'is_right': 'boolean'})
"""


class Share(NamedTuple):
    """A share with its 95 % interval, and the number of labelled pairs behind it."""

    value: float
    lower: float
    upper: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.lower:.3f}, {self.upper:.3f}]"


class Quality(NamedTuple):
    """How good a set of claimed pairs is."""

    precision: Share
    recall: Share
    """Share of the right pairs among all that any method claims or that ours scores 0.5 or more."""

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        both = self.precision.value + self.recall.value
        return 2 * self.precision.value * self.recall.value / both if both else 0.0


def wilson(share: float, n_effective: float, n: int | None = None) -> Share:
    """A share with Wilson's 95 % interval.

    >>> print(wilson(0.9, 10))
    0.900 [0.596, 0.982]
    """
    if not n_effective:
        return Share(share, 0.0, 1.0, 0)
    z2 = _Z95**2 / n_effective
    middle, width = share + z2 / 2, _Z95 * sqrt(share * (1 - share) / n_effective + z2 / (4 * n_effective))
    bounds = (max(0.0, (middle - width) / (1 + z2)), min(1.0, (middle + width) / (1 + z2)))
    return Share(share, *bounds, round(n_effective) if n is None else n)


class Truth:
    """The labels, and what they say of claimed pairs."""

    def __init__(self) -> None:
        self.con = duckdb.connect()
        self.con.execute(_LABEL, {"path": str(LABELS)})
        self.con.execute(_SONG_LABEL, {"path": str(SONG_LABELS)})

    def quality(self, claimed: pa.Table, part: str | None = None, *, blame_lists: bool = True) -> Quality:
        """Precision and recall of claimed pairs of `film_id` and `track_id`, on one part of the drawn pairs or both.

        Without `blame_lists`, a pair counts as right where only the list of credits is another work's: then the
        figures are of matching alone, and not of the links that come of it.
        """
        of_part = f"part = '{part}'" if part else "part <> 'after'"
        rows = self._judged(claimed, blame_lists).filter(f"drawn <> 'first' and {of_part}")
        return Quality(_share(rows.filter("is_claimed"), "good"), _share(rows.filter("good"), "is_claimed"))

    def precision(self, claimed: pa.Table, drawn: str, *, blame_lists: bool = True) -> Share:
        """Share of right ones among the claimed pairs of the samples whose name begins with `drawn`."""
        rows = self._judged(claimed, blame_lists).filter(f"is_claimed and starts_with(drawn, '{drawn}')")
        return _share(rows, "good")

    def songs(self, songs: pa.Table, found: pa.Table) -> Quality:
        """Precision and recall of the matches of chart songs."""
        self.con.register("songs", songs)
        self.con.register("found", found)
        rows = self.con.sql("""
            with claimed as (
                select title, array_to_string(performers, ', ') as singers, track_id
                from found join songs using (id) where is_match
            )
            select weight, is_right as good,
                (title, singers, track_id) in (select (title, singers, track_id) from claimed) as is_claimed
            from song_label
        """)
        return Quality(_share(rows.filter("is_claimed"), "good"), _share(rows.filter("good"), "is_claimed"))

    def _judged(self, claimed: pa.Table, blame_lists: bool) -> duckdb.DuckDBPyRelation:
        self.con.register("claimed", claimed)
        good = "is_right" if blame_lists else "is_right or wrong_by = 'list'"
        return self.con.sql(f"""
            select drawn, part, coalesce(weight, 1) as weight, {good} as good,
                (film_id, track_id) in (select (film_id, track_id) from claimed) as is_claimed
            from label
        """)


def _share(rows: duckdb.DuckDBPyRelation, holds: str) -> Share:
    """The weighted share of rows for which a column holds, by Kish's effective size.

    That is what a simple random sample of the same certainty would count.
    """
    sums = f"sum(weight) filter ({holds}) / sum(weight), sum(weight) ** 2 / sum(weight ** 2), count(*)"
    found = rows.aggregate(sums).fetchall()[0]
    return wilson(found[0] or 0.0, found[1] or 0.0, found[2])
