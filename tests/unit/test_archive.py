"""The page archive keeps each body once, whole, and says what it has lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.fetching import archive
from tasks.settings import OstinatoError


def test_a_damaged_archive_is_noticed(tmp_path: Path) -> None:
    sha256 = archive.store(tmp_path, b"a page")
    archive.page_path(tmp_path, sha256).write_bytes(b"rot")
    with pytest.raises(ValueError, match="damaged"):
        archive.load(tmp_path, sha256)
    archive.delete(tmp_path, sha256)
    with pytest.raises(FileNotFoundError):
        archive.load(tmp_path, sha256)


def test_a_body_lies_once_whoever_keeps_it(tmp_path: Path) -> None:
    sha256 = archive.store(tmp_path, b"a page" * 1000)
    assert archive.store(tmp_path, b"a page" * 1000) == sha256
    (kept,) = archive.every_file(tmp_path)
    assert (kept.sha256, kept.n_bytes) == (sha256, kept.path.stat().st_size)
    assert kept.n_bytes < 100, "compressed"
    assert archive.load(tmp_path, sha256) == b"a page" * 1000


def test_a_body_that_comes_again_counts_as_new(tmp_path: Path) -> None:
    sha256 = archive.store(tmp_path, b"a page")
    os.utime(archive.page_path(tmp_path, sha256), (1.0, 1.0))
    archive.store(tmp_path, b"a page")
    (kept,) = archive.every_file(tmp_path)
    assert kept.stored_at_s > 1.0


def test_an_empty_file_that_a_lost_machine_has_left_is_written_again(tmp_path: Path) -> None:
    sha256 = archive.store(tmp_path, b"a page")
    archive.page_path(tmp_path, sha256).write_bytes(b"")
    assert archive.store(tmp_path, b"a page") == sha256
    assert archive.load(tmp_path, sha256) == b"a page"


def test_what_a_killed_writer_left_is_no_page(tmp_path: Path) -> None:
    sha256 = archive.store(tmp_path, b"a page")
    archive.page_path(tmp_path, sha256).with_name(f".{sha256}.1234.abcd").write_bytes(b"half")
    assert {kept.sha256 for kept in archive.every_file(tmp_path)} == {sha256, None}


def test_an_archive_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert list(archive.every_file(tmp_path / "none")) == []


def test_a_body_of_no_page_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BODY_BYTES", 2 * 2**20)
    with pytest.raises(ValueError, match="3 MB is too large"):
        archive.store(tmp_path, bytes(3 * 2**20))
    assert list(archive.every_file(tmp_path)) == []


def test_a_disk_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "pages").write_text("a file where a folder should be")
    with pytest.raises(OstinatoError, match="could not be written"):
        archive.store(tmp_path / "pages", b"a page")
