"""What else is known of films and tracks: the tracks of their own albums, and how right each way of `film_track` is."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from support.matching_data import RealTables
from support.matching_truth import Share, Truth, wilson

from tasks.matching import match
from tasks.titles import title_keys

ALBUM_ROUTE = "ost_album_features"

_CLAIMED = """
select split_part(id, '|', 1) as film_id, track_id, arg_max(match_method, (match_score, match_method)) as match_method,
    max(match_score * list_score) as match_score
from found join credits using (id) where is_match group by all
"""
# As marts.film_track: of a known tie and a matched credit, the surer one.
_WAYS = """
select film_id, track_id,
    if(coalesce(link.match_score >= coalesce(claimed.match_score, 0), false), route, match_method) as way
from links as link full join claimed using (film_id, track_id)
"""
_LEAST_JUDGED = 30


def claims(tables: RealTables, found: pa.Table) -> pa.Table:
    """Films and tracks that the matches of `found` tie, each once, with method and score."""
    with duckdb.connect() as con:
        con.register("found", found)
        con.register("credits", tables.credits)
        return con.sql(_CLAIMED).to_arrow_table()


def known_by_list(tables: RealTables, claimed: pa.Table) -> Share:
    """Share found of the pairs of film and track that an imported table ties by IMDb's list and plain names."""
    known = set(zip(*(tables.by_imdb_list[column].to_pylist() for column in ("film_id", "track_id")), strict=True))
    tied = set(zip(*(claimed[column].to_pylist() for column in ("film_id", "track_id")), strict=True))
    return wilson(len(known & tied) / len(known), len(known))


def own_albums(tables: RealTables) -> list[tuple[str, Share, Share]]:
    """For films whose album is known: credits that find their track on it, matched tracks that are on it.

    Once as the refresh matches, which knows the album of such tracks; once without being told, by performers alone.
    The first share is of credits with the title of a track on the album: some name another recording of it. The
    second is of matched tracks that are on the known album of any film.
    """
    links = tables.links.filter(pc.equal(tables.links["route"], ALBUM_ROUTE))
    of_film = pc.is_in(pc.list_element(pc.split_pattern(tables.credits["id"], "|"), 0), links["film_id"].unique())
    credits = tables.credits.filter(of_film)
    is_listed = pc.is_in(tables.tracks["track_id"], links["track_id"].unique())
    untold = pc.if_else(is_listed, pa.scalar(None, pa.string()), tables.tracks["album"])
    blind = tables.tracks.set_column(tables.tracks.schema.get_field_index("album"), "album", untold)
    return [
        ("album known", *_on_albums(credits, tables.tracks, links)),
        ("not told", *_on_albums(credits, blind, links)),
    ]


def _on_albums(credits: pa.Table, tracks: pa.Table, links: pa.Table) -> tuple[Share, Share]:
    matches = match(credits, tracks)
    sure = matches.filter(matches["is_match"])
    film_of = {id_: id_.split("|")[0] for id_ in credits["id"].to_pylist()}
    pairs = set(zip(sure["id"].to_pylist(), sure["track_id"].to_pylist(), strict=True))
    albums: defaultdict[str, set[str]] = defaultdict(set)
    for film_id, track_id in zip(links["film_id"].to_pylist(), links["track_id"].to_pylist(), strict=True):
        albums[film_id].add(track_id)
    keys = dict(zip(tracks["track_id"].to_pylist(), map(title_keys, tracks["title"].to_pylist()), strict=True))
    named = {
        (id_, track_id)
        for id_, title in zip(credits["id"].to_pylist(), credits["title"].to_pylist(), strict=True)
        for track_id in albums[film_of[id_]]
        if title_keys(title) & keys[track_id]
    }
    listed = set(links["track_id"].to_pylist())
    tied = {(film_of[id_], track_id) for id_, track_id in pairs if track_id in listed}
    asked, answered = {id_ for id_, _ in named}, {id_ for id_, _ in named & pairs}
    on_own = sum(track_id in albums[film_id] for film_id, track_id in tied)
    return wilson(len(answered) / len(asked), len(asked)), wilson(on_own / len(tied), len(tied))


def five_films(tables: RealTables) -> Share:
    """Share of the tracks of five films that a credit of the film finds, by their titles and the film's album alone.

    The table names no artists, so a credit that names performers cannot be sure of its track. Of films whose list of
    credits was left out, as another work's, nothing is asked.
    """
    listed = pc.list_element(pc.split_pattern(tables.credits["id"], "|"), 0)
    five = tables.five_films.filter(pc.is_in(tables.five_films["film_id"], listed.unique()))
    tracks = pa.table(
        {
            "track_id": five["track_id"],
            "title": five["title"],
            "artists": pa.nulls(five.num_rows, pa.list_(pa.string())),
            "album": five["album"],
            "release_year": five["year"],
        }
    )
    once = pa.Table.from_pylist(list({row["track_id"]: row for row in tracks.to_pylist()}.values()), tracks.schema)
    known = set(zip(five["film_id"].to_pylist(), five["track_id"].to_pylist(), strict=True))
    found = claims(tables, match(tables.credits, once))
    tied = set(zip(found["film_id"].to_pylist(), found["track_id"].to_pylist(), strict=True))
    return wilson(len(known & tied) / len(known), len(known))


class Way(NamedTuple):
    """The ties of `marts.film_track` that were found in one way."""

    name: str
    n: int
    stated: float | None
    """Share of right ones in vocabularies/film_track_route.csv, of known ties alone."""
    labelled: Share
    """Share of right ones among the labelled pairs of this way."""

    @property
    def right(self) -> float:
        """The labelled share where enough pairs were judged, else the stated one."""
        return self.labelled.value if self.stated is None or self.labelled.n >= _LEAST_JUDGED else self.stated


def ways(tables: RealTables, claimed: pa.Table, truth: Truth) -> list[Way]:
    """How the ties of films and tracks were found, and how many are right; the most frequent way first."""
    with duckdb.connect() as con:
        con.register("links", tables.links)
        con.register("claimed", claimed)
        ties = con.sql(_WAYS).to_arrow_table()
        stated = dict(con.execute("select route, max(match_score) from links group by all").fetchall())
    rows = []
    for counted in pc.value_counts(ties["way"]).to_pylist():
        of_way = ties.filter(pc.equal(ties["way"], counted["values"]))
        labelled = truth.quality(of_way).precision
        rows.append(Way(counted["values"], counted["counts"], stated.get(counted["values"]), labelled))
    return sorted(rows, key=lambda way: -way.n)
