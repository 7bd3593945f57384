"""What each raw table in the lake holds: one Arrow schema per source and entity.

The names are those of `ostinato parse`, so that a saved page, a lake file and a staging model speak alike.
Dates stay text (`2017-06-26`, `2017-06` or `2017`), since sources often know only the month or the year.
"""

from __future__ import annotations

import pyarrow as pa

STR, I32, I64, F64, BOOL = pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_()
STRS = pa.list_(STR)
UTC = pa.timestamp("us", tz="UTC")

AUDIO_FEATURES: dict[str, pa.DataType] = {
    "danceability": F64,  # 0 to 1
    "energy": F64,  # 0 to 1
    "key": F64,  # 0 to 11 = C to B, -1 none
    "loudness": F64,  # dB, negative
    "mode": F64,  # 1 major, 0 minor
    "speechiness": F64,  # 0 to 1
    "acousticness": F64,  # 0 to 1
    "instrumentalness": F64,  # 0 to 1
    "liveness": F64,  # 0 to 1
    "valence": F64,  # 0 to 1
    "tempo": F64,  # BPM, 0 not detected
    "duration_ms": F64,  # ms
    "time_signature": F64,  # beats per bar, 0 not detected
}
"""The 13 track features in the order that every table and model keeps."""

PROVENANCE: dict[str, pa.DataType] = {
    "fetched_at": UTC,  # when the page, body or file was read
    "page_sha256": STR,  # content hash in the page archive; null for imported files
}

_COLLECTED: dict[tuple[str, str], dict[str, pa.DataType]] = {
    ("tmdb", "list"): {"tmdb_id": I64, "title": STR, "released_on": STR, "user_score": F64},
    ("tmdb", "film"): {
        "tmdb_id": I64,
        "imdb_id": STR,
        "title": STR,
        "original_title": STR,
        "original_language": STR,
        "genres": STRS,
        "runtime_min": I64,
        "user_score": F64,
        "overview": STR,
        "budget_usd": I64,
        "revenue_usd": I64,
        "directors": STRS,
        "cast": STRS,
        "released_on": STR,
        "poster_url": STR,
    },
    ("imdb", "soundtrack"): {
        "imdb_id": STR,
        "position": I64,
        "entry_id": STR,
        "title": STR,
        "credits": pa.list_(pa.struct([("role", STR), ("names", STRS)])),
        "lines": STRS,
    },
    ("melon", "chart"): {
        "chart": STR,
        "scope": STR,
        "period": STR,
        "rank": I64,
        "song_id": STR,
        "title": STR,
        "artists": STRS,
        "album": STR,
    },
    ("melon", "song"): {
        "song_id": STR,
        "title": STR,
        "artists": STRS,
        "album": STR,
        "released_on": STR,
        "genres": STRS,
    },
    ("spotify", "track"): {
        "track_id": STR,
        "isrc": STR,
        "title": STR,
        "artists": STRS,
        "album": STR,
        "released_on": STR,
        "duration_ms": I64,
        "explicit": BOOL,
    },
    # one row per question put to the search, so that none is put twice
    ("spotify", "search"): {"asked_title": STR, "asked_artist": STR, "track_ids": STRS, "state": STR},
    ("spotify", "audio_features"): {"track_id": STR, "isrc": STR, **AUDIO_FEATURES, "provider": STR},
    ("reccobeats", "audio_features"): {"track_id": STR, "isrc": STR, **AUDIO_FEATURES, "provider": STR},
    # a film's soundtrack albums, by the film's IMDb address
    ("musicbrainz", "url"): {"imdb_id": STR, "release_group_id": STR, "title": STR},
    # the recordings of one release of each of them; position counts over all media from 1
    ("musicbrainz", "recording"): {
        "release_group_id": STR,
        "release_id": STR,
        "position": I64,
        "recording_id": STR,
        "isrcs": STRS,
        "title": STR,
        "artists": STRS,
        "album": STR,
        "released_on": STR,
        "duration_ms": I64,
    },
    # one row per track that a video was asked for; video_id is null where none was found
    ("youtube", "search"): {"track_id": STR, "video_id": STR, "title": STR, "channel": STR, "state": STR},
    # the operator's own audio files; track_id is `file:` and the start of the content's hash
    ("audio", "audio_features"): {
        "track_id": STR,
        "isrc": STR,
        "title": STR,
        "artists": STRS,
        "album": STR,
        "released_on": STR,
        **AUDIO_FEATURES,
        "provider": STR,
        "file_name": STR,
    },
    # one row per file that was looked at, so that it is not opened again before it changes
    ("audio", "file"): {
        "file_key": STR,  # a hash of its path
        "n_bytes": I64,
        "modified_ns": I64,  # since 1970
        "track_id": STR,
        "state": STR,  # ok, empty, broken
        "reason": STR,  # why it was not measured, for people
        "measured_by": STR,  # versions of what tried
    },
}

# One row per request of a collector: the manifest of the page archive.
FETCH: dict[str, pa.DataType] = {
    "entity": STR,  # what was asked for: film, soundtrack, chart, ...
    "key": STR,  # which one: an id or a period
    "url": STR,
    "state": STR,  # ok, empty, missing, blocked, limited, broken, refused
    "status": I32,  # HTTP status; null when no answer came
    "reason": STR,  # what the state rests on, for people
    "n_bytes": I64,
    "retry_after_s": F64,  # the wait that the site asked for; null where it asked for none
    "parser_version": I32,  # of the parser that read it last; null where none did
}

# Lists that a file holds as text (Python, JSON or NumPy literals) land as lists; `a;b` and `a|b` stay as published.
_IMPORTED: dict[tuple[str, str], dict[str, pa.DataType]] = {
    ("dataset", "spotify_tracks"): {
        "track_id": STR,
        "artists": STR,
        "album_name": STR,
        "track_name": STR,
        "popularity": I64,
        "explicit": BOOL,
        **AUDIO_FEATURES,
        "track_genre": STR,
    },
    ("dataset", "spotify_query_tracks"): {
        "track_id": STR,
        "track_name": STR,
        "artist_name": STR,
        "artist_id": STR,
        "album_name": STR,
        "release_date": STR,
        "explicit": BOOL,
        "popularity": I64,
        **AUDIO_FEATURES,
        "artist_genres": STRS,
        "data_collection_date": STR,
        "query_genre": STR,
    },
    ("dataset", "film_ost_tracks"): {
        "album_uri": STR,
        "album_title": STR,
        "song_title": STR,
        "first_artist": STR,
        "artists": STRS,
        **AUDIO_FEATURES,
        "track_id": STR,
        "imdb_id": STR,
    },
    ("dataset", "film_ost_films"): {
        "imdb_id": STR,
        "title": STR,
        "original_title": STR,
        "original_language": STR,
        "overview": STR,
        "release_date": STR,
        "runtime": F64,
        "album_uri": STR,
        "album_date": STR,
        "genres": STRS,
        "rating": F64,
        "certificate": STR,
        "gross_ww": STR,
        "budget": STR,
    },
    ("dataset", "film_track_links"): {"imdb_id": STR, "track_id": STR, "routes": STR},
    ("dataset", "movielens_films"): {"movieId": I64, "title": STR, "genres": STR, "tmdbId": I64, "imdb_id": STR},
    ("dataset", "tmdb_films"): {
        "id": I64,
        "title": STR,
        "original_title": STR,
        "original_language": STR,
        "genres": STR,
        "keywords": STR,
        "production_companies": STR,
        "overview": STR,
        "release_date": STR,
        "runtime": F64,
        "budget": I64,
        "revenue": I64,
        "popularity": F64,
        "vote_average": F64,
        "vote_count": I64,
    },
    ("dataset", "imdb_soundtracks"): {
        "imdb_id": STR,
        "recording_name": STR,
        "performers": STRS,
        "producers": STRS,
        "composition_name": STR,
        "composers": STRS,
        "lyricists": STRS,
        "authors": STRS,
    },
    ("dataset", "melon_weekly_chart"): {
        "rank": I64,
        "title": STR,
        "singer": STR,
        "album": STR,
        "date": STR,
    },
    ("dataset", "melon_monthly_chart"): {
        "Date": STR,
        "rank": I64,
        "song_id": I64,
        "title": STR,
        "artist": STR,
        "genre": STR,
    },
    ("dataset", "spotify_million_tracks"): {
        "track_id": STR,
        "artist_name": STR,
        "track_name": STR,
        "popularity": I64,
        "year": I64,
        "genre": STR,
        **AUDIO_FEATURES,
    },
    ("dataset", "movies_metadata"): {
        "id": I64,
        "imdb_id": STR,
        "title": STR,
        "original_title": STR,
        "original_language": STR,
        "genres": STR,
        "production_companies": STR,
        "overview": STR,
        "tagline": STR,
        "release_date": STR,
        "runtime": F64,
        "budget": I64,
        "revenue": I64,
        "popularity": F64,
        "vote_average": F64,
        "vote_count": I64,
        "poster_path": STR,
        "status": STR,
        "adult": BOOL,
    },
    ("dataset", "soundtrack_listings"): {  # soundtrack.net's album lists, by MovieLens film
        "ml_movie_id": I64,
        "movie_title": STR,
        "imdb_id": STR,
        "position": I64,
        "track_raw": STR,
    },
    ("dataset", "film_spotify_albums"): {  # a film's album on Spotify, by name and year of the film
        "movie_name": STR,
        "release_date": STR,
        "composer_name": STR,
        "album_id": STR,
        "track_ids": STRS,
    },
    ("dataset", "cmu_films"): {  # CMU Movie Summary films, which lead those albums to TMDB's ids
        "tmdb_id": STR,
        "name": STR,
        "release_date": STR,
        "genres": STRS,
        "countries": STRS,
        "box_office_revenue": STR,
    },
    ("dataset", "soundtrack_videos"): {  # one YouTube video for a soundtrack credit
        "imdb_id": STR,
        "title": STR,
        "performer": STR,
        "composer": STR,
        "youtube_video_id": STR,
        "youtube_title": STR,
        "youtube_channel": STR,
        "match_confidence": F64,
    },
    ("dataset", "spotify_daily_chart"): {
        "chart_date": STR,
        "rank": I64,
        "uri": STR,
        "track_name": STR,
        "artist_names": STR,
        "source": STR,
        "streams": I64,
    },
    ("dataset", "charted_track_audio"): {  # charted tracks with an iTunes genre and what librosa measured
        "track_name": STR,
        "artist_names": STR,
        "genre": STR,
        "track_length_sec": F64,
        "tempo": F64,
        "mean_mel": F64,
        "mean_rms": F64,
        "max_rms": F64,
        "mean_zcr": F64,
        "std_zcr": F64,
        "mean_centroid": F64,
    },
    ("dataset", "imdb_films"): {
        "imdb_id": STR,
        "name": STR,
        "alternate_name": STR,
        "abstract": STR,
        "genres": STRS,
        "date_published": STR,
        "duration": STR,
        "languages": STRS,
        "poster_url": STR,
        "imdb_rating": F64,
        "imdb_votes": I64,
    },
    ("dataset", "mood_ratings"): {  # Deezer's mood detection set: where songs lie on the valence-arousal plane
        "dzr_sng_id": I64,
        "MSD_sng_id": STR,
        "MSD_track_id": STR,
        "valence": F64,  # standardised, not Spotify's 0 to 1
        "arousal": F64,  # standardised
        "artist_name": STR,
        "track_name": STR,
        "split": STR,
    },
}

# What Ostinato itself remembers from run to run; the lake is its only memory, the warehouse can always be rebuilt.
_OWN: dict[tuple[str, str], dict[str, pa.DataType]] = {
    ("ostinato", "run_log"): {
        "flow": STR,
        "run_id": STR,
        "as_of": STR,
        "source": STR,
        "state": STR,
        "n_rows": I64,
        "n_pages": I64,
        "bytes": I64,
        "started_at": UTC,
        "ended_at": UTC,
    },
    ("ostinato", "data_quality"): {
        "check": STR,
        "severity": STR,
        "failing_rows": I64,
        "run_id": STR,
        "checked_at": UTC,
        "as_of": STR,
    },
    ("ostinato", "tag_history"): {
        "track_id": STR,
        "kind": STR,
        "old_label": STR,
        "new_label": STR,
        "model": STR,
        "changed_at": UTC,
    },
    ("ostinato", "match_verdict"): {
        "credit_id": STR,
        "track_id": STR,
        "film_id": STR,
        "credit_title": STR,
        "verdict": STR,
        "note": STR,
        "settled_by": STR,
        "settled_at": UTC,
    },
    ("ostinato", "model_scoreboard"): {
        "model": STR,
        "version": STR,
        "stage": STR,
        "split": STR,
        "metric": STR,
        "value": F64,
        "lower": F64,
        "upper": F64,
        "trained_at": UTC,
    },
}

COLLECTED_SOURCES = ("tmdb", "imdb", "musicbrainz", "melon", "spotify", "reccobeats", "youtube")


def _with(columns: dict[str, pa.DataType], more: dict[str, pa.DataType]) -> pa.Schema:
    return pa.schema(list({**columns, **more}.items()))


LAKE_SCHEMAS: dict[tuple[str, str], pa.Schema] = {
    **{key: _with(columns, PROVENANCE) for key, columns in _COLLECTED.items()},
    **{(source, "fetch"): _with(FETCH, PROVENANCE) for source in COLLECTED_SOURCES},
    **{key: _with(columns, PROVENANCE) for key, columns in _IMPORTED.items()},
    **{key: pa.schema(list(columns.items())) for key, columns in _OWN.items()},
}
"""Every table of the lake: (source, entity) -> schema. The warehouse sees it as `raw.<source>_<entity>`."""
