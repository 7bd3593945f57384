"""The kinds that can be parsed, and reading a saved file whatever it is."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tasks.fetching.answer import FetchState
from tasks.settings import OstinatoError
from tasks.sources import kinds
from tasks.sources.kinds import PARSERS, read_body


def test_every_kind_of_the_design_has_a_parser() -> None:
    assert set(PARSERS) == {
        "imdb-soundtrack",
        "melon-chart",
        "melon-song",
        "tmdb-list",
        "tmdb-film",
        "spotify-search",
        "spotify-track",
        "audio-features",
        "musicbrainz-url",
    }


@pytest.mark.parametrize("kind", PARSERS)
@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"<html><body>hello</body></html>", b"{}", b"[]", b"null"])
def test_no_parser_takes_nonsense_for_data_or_raises(kind: str, body: bytes) -> None:
    parsed = PARSERS[kind](body)
    assert parsed.rows == []
    assert parsed.state is not FetchState.OK
    assert parsed.reason


@pytest.mark.parametrize("name", ["page.html", "page.html.gz"])
def test_a_file_is_unpacked_by_its_content_not_its_name(tmp_path: Path, name: str) -> None:
    for written in (b"plain", gzip.compress(b"plain")):
        (tmp_path / name).write_bytes(written)
        assert read_body(tmp_path / name) == b"plain"


def test_bad_files_get_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(b"x" * 10_000)
    for name, content in {"cut.gz": packed[:-20], "damaged.gz": packed[:20] + b"???" + packed[23:]}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(OstinatoError, match="cut off or damaged"):
            read_body(tmp_path / name)
    with pytest.raises(OstinatoError, match="There is no file"):
        read_body(tmp_path / "none")
    with pytest.raises(OstinatoError, match="is a folder"):
        read_body(tmp_path)
    monkeypatch.setattr(kinds, "MAX_BODY_BYTES", 9_999)
    (tmp_path / "bomb.gz").write_bytes(packed)
    with pytest.raises(OstinatoError, match="which no page does"):
        read_body(tmp_path / "bomb.gz")
