"""Credit lines at scale: the labels that were counted over 357 films, and the names of all their credits.

The table of those films holds roles and names but no lines, so it cannot prove how lines are read. It proves that real
names survive: lines are written from it with each role's label, once with the names linked and once without.
"""

from __future__ import annotations

import csv
import gzip
import html
import re
from collections import defaultdict
from pathlib import Path

import pytest

from tasks.sources.credits import read_credits, read_line

PAGES = Path(__file__).parents[2].parent / "shared" / "pages"
TABLE = PAGES / "imdb" / "imdb4m_soundtrack_credits.csv.gz"
SITES = PAGES / "SITES.md"
pytestmark = pytest.mark.skipif(not TABLE.exists(), reason=f"no table {TABLE}")

ROLES_OF_LABEL = {
    "performed by": ["performed_by"],
    "written by": ["written_by"],
    "music by": ["composed_by"],
    "lyrics by": ["lyrics_by"],
    "produced by": ["produced_by"],
    "composed by": ["composed_by"],
    "published by": ["other"],
    "written and performed by": ["written_by", "performed_by"],
    "arranged by": ["arranged_by"],
    "conducted by": ["other"],
    "music and lyrics by": ["composed_by", "lyrics_by"],
    "administered by": ["other"],
    "vocals by": ["performed_by"],
    "sung by": ["performed_by"],
    "mixed by": ["other"],
    "used by permission of": ["other"],
    "words and music by": ["lyrics_by", "composed_by"],
}
LABEL_OF = {
    "byArtist": ("Performed by", "performed_by"),
    "author": ("Written by", "written_by"),
    "composer": ("Music by", "composed_by"),
    "lyricist": ("Lyrics by", "lyrics_by"),
    "producer": ("Produced by", "produced_by"),
}


def test_every_counted_label_has_its_roles(capsys: pytest.CaptureFixture[str]) -> None:
    told = SITES.read_text(encoding="utf-8")
    counts = told[told.index("Counts of the leading words") :]
    counts = " ".join(counts[: counts.index("So:")].replace("used by\n(permission)", "used by permission of").split())
    found = {label.strip(): int(n.replace(",", "")) for label, n in re.findall(r"([a-z][a-z ]+?) ([\d,]*\d)\b", counts)}
    labels = {label: n for label, n in found.items() if label in ROLES_OF_LABEL}
    assert set(labels) == set(ROLES_OF_LABEL)
    for label, roles in ROLES_OF_LABEL.items():
        for written in (label, label.upper(), label.capitalize(), label.title()):
            credits = read_credits([read_line(f'{written} <a href="/name/nm1/">Jane Doe</a>')])
            assert [(credit["role"], credit["names"]) for credit in credits] == [(role, ["Jane Doe"]) for role in roles]
    with capsys.disabled():
        print(f"\n{len(labels)} labels of {sum(labels.values()):,} credit lines have their roles")


def named_credits() -> dict[tuple[str, str, str, str], list[str]]:
    """Film, number and title of a track, role -> names."""
    credits: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    with gzip.open(TABLE, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            names = credits[(row["imdb_id"], row["track_no"], row["track"], row["role"])]
            if row["role"] and row["person_or_label"] not in names:
                names.append(row["person_or_label"])
    return {key: names for key, names in credits.items() if names}


def as_line(label: str, names: list[str]) -> str:
    """The way of IMDb: `A, B and C`."""
    return f"{label} {', '.join(names[:-1])}{' and ' if names[1:] else ''}{names[-1]}"


def test_real_names_survive(capsys: pytest.CaptureFixture[str]) -> None:
    n_names = n_linked = n_bare = 0
    split = set()
    for (*_, role), names in named_credits().items():
        label, read_as = LABEL_OF[role]
        escaped = [html.escape(name, quote=False) for name in names]
        linked = read_credits([read_line(as_line(label, [f'<a href="/name/nm1/">{name}</a>' for name in escaped]))])
        bare = read_credits([read_line(as_line(label, escaped))])
        n_names += len(names)
        assert [(credit["role"], credit["names"]) for credit in linked] == [(read_as, names)]
        n_linked += len(names)
        kept = {name for credit in bare if credit["role"] == read_as for name in credit["names"]}
        n_bare += len(kept.intersection(names))
        split.update(set(names) - kept)
    with capsys.disabled():
        print(f"\n{n_names:,} names: linked {n_linked / n_names:.1%} as they are, without links {n_bare / n_names:.1%}")
    assert n_bare / n_names > 0.97, sorted(split)[:50]
