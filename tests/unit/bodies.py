"""Small bodies of every kind with a gap in each place where a site writes something, for hostile and random texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from tasks.sources import musicbrainz, tmdb_api, youtube
from tasks.sources.kinds import PARSERS, Parser

GAP = "@@"

EVERY_PARSER: dict[str, Parser] = {
    **PARSERS,
    "musicbrainz-release": musicbrainz.parse_releases,
    "youtube-search": youtube.parse_search,
    "tmdb-external-ids": tmdb_api.parse_external_ids,
    "tmdb-id-export": tmdb_api.parse_id_export,
}
TABLES = {  # parser -> raw table whose columns its rows have
    "imdb-soundtrack": ("imdb", "soundtrack"),
    "melon-chart": ("melon", "chart"),
    "melon-song": ("melon", "song"),
    "tmdb-list": ("tmdb", "list"),
    "tmdb-film": ("tmdb", "film"),
    "spotify-search": ("spotify", "track"),
    "spotify-track": ("spotify", "track"),
    "audio-features": ("reccobeats", "audio_features"),
    "musicbrainz-url": ("musicbrainz", "url"),
    "musicbrainz-release": ("musicbrainz", "recording"),
}

SOUNDTRACK = {
    "props": {
        "pageProps": {
            "contentData": {
                "entityMetadata": {"id": "tt0000042"},
                "section": {"items": [{"id": "sn1", "rowTitle": "A", "listContent": [{"html": "by A"}]}], "total": 1},
                "data": {"title": {"soundtrack": {"total": 1}}},
                "contributionData": {"contributionSection": "soundtrack"},
            }
        }
    },
    "page": "/title/[tconst]/soundtrack",
    "query": {"tconst": "tt0000042"},
}
CONNECTION = {
    "data": {
        "title": {
            "id": "tt0000042",
            "soundtrack": {
                "pageInfo": {"hasNextPage": True},
                "edges": [{"node": {"id": "sn1", "text": "A", "comments": [{"plaidHtml": "Performed by A"}]}}],
            },
        }
    },
    "errors": [{"message": "m", "extensions": {"code": "FORBIDDEN"}}],
}
TRACK = {
    "id": "6NPVjNh8Jhru9xOmyQigds",
    "name": "Happy",
    "type": "track",
    "artists": [{"name": "Pharrell Williams"}],
    "album": {"name": "G I R L", "release_date": "2014-01-01", "release_date_precision": "day"},
    "external_ids": {"isrc": "USQ4E1300686"},
    "duration_ms": 233305,
    "explicit": False,
}
FEATURES = {
    "id": "4Jp",
    "href": "https://open.spotify.com/track/4Jp",
    "isrc": "USQ4E1300686",
    "energy": 0.5,
    "danceability": 0.5,
    "tempo": 120.1,
    "key": 7,
    "duration_ms": 1000,
}
RELEASE = {
    "id": "a",
    "title": "T",
    "status": "Official",
    "date": "2001-05",
    "artist-credit": [{"name": "N", "artist": {"name": "N"}}],
    "release-group": {"id": "g"},
    "media": [
        {
            "track-count": 2,
            "pregap": {"title": "P", "recording": {"id": "p", "title": "P"}},
            "tracks": [{"title": "S", "length": 1, "recording": {"id": "r", "title": "S", "isrcs": ["GBAHS1400099"]}}],
        }
    ],
}
FILM = {
    "id": 550,
    "imdb_id": "tt0137523",
    "title": "Fight Club",
    "original_title": "Fight Club",
    "original_language": "en",
    "genres": [{"id": 18, "name": "Drama"}],
    "runtime": 139,
    "vote_average": 8.4,
    "vote_count": 29000,
    "overview": "O",
    "budget": 63000000,
    "revenue": 100853753,
    "release_date": "1999-10-15",
    "poster_path": "/poster.jpg",
    "credits": {"cast": [{"name": "Brad Pitt"}], "crew": [{"name": "David Fincher", "job": "Director"}]},
    "external_ids": {"imdb_id": "tt0137523"},
    "status_message": "m",
}
JSON_BODIES: dict[str, tuple[dict[str, Any], ...]] = {
    "imdb-soundtrack": (SOUNDTRACK, CONNECTION),
    "spotify-search": ({"tracks": {"items": [TRACK, None], "total": 0, "next": "n"}}, {"error": {"status": 429}}),
    "spotify-track": (TRACK, {"tracks": [TRACK]}, {"error": "invalid_client", "error_description": "d"}),
    "audio-features": ({"content": [FEATURES]}, {"audio_features": [None, FEATURES]}, FEATURES),
    "musicbrainz-url": (
        {
            "resource": "https://www.imdb.com/title/tt0133093/",
            "relations": [{"target-type": "release_group", "release_group": {"id": "g1", "title": "The Matrix"}}],
        },
        {"urls": [{"resource": "https://www.imdb.com/title/tt0133093/", "relations": []}]},
        {"error": "Not Found", "help": "h"},
    ),
    "musicbrainz-release": ({"releases": [RELEASE], "release-count": 1}, RELEASE),
    "youtube-search": (
        {"items": [{"id": {"videoId": "v"}, "snippet": {"title": "T", "channelTitle": "C"}}]},
        {"error": {"code": 403, "message": "m", "errors": [{"reason": "quotaExceeded"}]}},
    ),
    "tmdb-list": ({"page": 1, "results": [FILM], "total_pages": 9}, {"success": False, "status_code": 25}),
    "tmdb-film": (FILM,),
    "tmdb-external-ids": ({"id": 550, "imdb_id": "tt0137523"},),
    "tmdb-id-export": ({"adult": False, "id": 3924, "original_title": "B", "popularity": 1.5, "video": False},),
}

_DRAWN = (
    '<html><link rel="canonical" href="@@"><div data-testid="sub-section"><ul><li data-testid="list-item" id="sn@@">'
    '<span class="ipc-metadata-list-item__label">@@</span><div class="ipc-html-content-inner-div">@@</div></li></ul>'
    '<span class="ipc-see-more__text">@@ more</span></div></html>'
)
_LEGACY = (
    '<div id="soundtracks_content"><div class="list"><div id="sn1" class="soundTrack soda odd">@@ <br />'
    'Performed by <a href="/name/nm1">@@</a> <br /> @@</div></div></div>'
)
_CHART_ROW = (
    '<tr class="lst50" data-song-no="@@"><td><span class="rank ">{rank}</span><input name="input_check" value="@@">'
    '<div class="ellipsis rank01"><a href="javascript:melon.play.playSong(\'1\',@@);">T @@</a></div>'
    '<div class="ellipsis rank02"><a href="@@">@@</a></div><div class="ellipsis rank03"><a>@@</a></div></td></tr>'
)
_CHART = (
    '<li class="on"><a href="/chart/day/index.htm?classCd=@@">d</a></li><span class="year">2018.@@</span>'
    '<span class="hour">@@</span><table>' + "".join(_CHART_ROW.format(rank=rank) for rank in range(1, 61)) + "</table>"
)
_SONG = (
    '<meta property="og:url" content="?songId=@@"><div class="section_info"><div class="song_name">T @@</div>'
    '<a class="artist_name" title="@@">@@</a><dl><dt>앨범</dt><dd>@@</dd><dt>발매일</dt><dd>2018@@</dd>'
    '<dt>장르</dt><dd>@@</dd><dt>@@</dt><dd>-</dd></dl><a onclick="@@">x</a></div>'
)
_CARDS = (
    '<div id="page_1"><div class="comp:poster-card @@"><a href="/movie/1-@@" title="@@"></a><h2>@@</h2>'
    '<span class="subheader">@@</span><div class="user_score_chart" data-percent="@@"></div></div>'
    '<div class="card style_1"><a href="@@/movie/2"></a><div class="content"><h2>B</h2><p>@@</p></div></div></div>'
)
_FILM_PAGE = (
    '<link rel="canonical" href="@@/movie/5"><section id="original_header"><img class="poster" src="/t/p/@@" '
    'srcset="@@"><h2><a href="/movie/5">T @@</a> <span class="release_date">(@@)</span></h2>'
    '<span class="release">1@@</span><span class="genres"><a href="/genre/@@">@@</a></span>'
    '<span class="runtime">1@@</span><div data-percent="@@"></div><div class="overview"><p>@@</p></div></section>'
    '<ol class="people no_image"><li class="profile"><p><a>@@</a></p><p class="character">Director, @@</p></li></ol>'
    '<section class="facts"><p><strong><bdi>Budget</bdi></strong> $@@</p>'
    "<p><strong><bdi>Original Language</bdi></strong> @@</p><p><strong>@@</strong></p></section>"
)
PAGES: dict[str, tuple[str, ...]] = {
    "imdb-soundtrack": (_DRAWN, _LEGACY),
    "melon-chart": (_CHART,),
    "melon-song": (_SONG,),
    "tmdb-list": (_CARDS,),
    "tmdb-film": (_FILM_PAGE,),
}


def gapped_bodies() -> Iterator[tuple[str, str, Callable[[str], str]]]:
    """Kind of parser, body with gaps, and how a text is written into its gaps."""
    for kind, pages in PAGES.items():
        for page in pages:
            yield kind, page, lambda text: text.replace('"', "&quot;").replace("<", "&lt;")
    for kind, objects in JSON_BODIES.items():
        for value in objects:
            yield kind, json.dumps(_gapped(value)), lambda text: json.dumps(text)[1:-1]


def _gapped(value: Any) -> Any:
    """The same object with a gap at the end of every text in it."""
    if isinstance(value, dict):
        return {name: _gapped(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_gapped(inner) for inner in value]
    return value + GAP if isinstance(value, str) else value
