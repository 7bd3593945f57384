"""Normalising names and titles: total, idempotent, and right on the spellings that sources really use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.text import artist_names, first_artist, normalise, title_core
from tasks.titles import film_keys, is_cue, soundtrack_films, source_films, title_keys, version_marks

TITLES = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["Love", "사랑", "(", ")", "[", "]", " - ", "feat. ", "Live", '"', "From ", "OST", "&amp;", "é", "1"]
        )
    ).map("".join),
)


@given(TITLES)
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert once == once.strip()


@given(TITLES)
def test_every_text_has_a_core_names_and_keys_in_normal_form(text: str) -> None:
    core = title_core(text)
    assert normalise(core) == core
    assert bool(core) == bool(normalise(text))
    assert all(normalise(name) == name for name in artist_names(text))
    assert bool(artist_names(text)) == bool(normalise(text))
    assert all(" " not in key and key for key in title_keys(text))
    assert normalise(first_artist(text)) == first_artist(text)


@given(TITLES)
def test_nothing_that_is_said_of_titles_and_albums_raises(text: str) -> None:
    assert isinstance(version_marks(text), str)
    assert isinstance(is_cue(text), bool)
    assert "" not in film_keys(text) | soundtrack_films(text) | source_films(text)


@pytest.mark.parametrize("function", [normalise, title_core, version_marks, first_artist])
def test_no_text_gives_the_empty_text(function: object) -> None:
    assert callable(function)
    assert function(None) == function("") == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Don´t Stop", "Don't stop"),
        ("Don’t Stop", "dont stop"),
        ("Rock &amp; Roll", "ROCK AND ROLL"),
        ("Rock 'n' Roll", "Rock & Roll"),
        ("Beyoncé", "BEYONCE"),
        ("MotÃ¶rhead", "Motörhead"),
        ("Sigur Rós", "sigur ros"),
        ("Blue Öyster Cult", "Blue Oyster Cult"),
        ("M.I.A.", "MIA"),
        ("P!nk", "Pink"),
        ("ＡＢＣ", "abc"),
        ("Straße", "STRASSE"),
        ("İstanbul", "istanbul"),
        ("아이유", "아이유"),  # decomposed and composed Hangul
    ],
)
def test_spellings_of_one_name_are_equal(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), [("か", "が"), ("!!!", "???"), ("국", "굴"), ("कि", "क")])
def test_other_letters_stay_apart(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@pytest.mark.parametrize(
    ("title", "core"),
    [
        ("Hey Jude - Remastered 2015", "hey jude"),
        ("Heigh - Ho", "heigh ho"),
        ("Nights In White Satin - Single Version / Mono", "nights in white satin"),
        ('Let It Go (From "Frozen"/Soundtrack Version)', "let it go"),
        ("That That (prod. & feat. SUGA of BTS)", "that that"),
        ("Closer feat. Halsey", "closer"),
        ("(G)I-DLE", "g i dle"),
        ("서약 (황금무지개 유이&정일우 러브테마)", "서약"),
        ("[Intro]", "intro"),
        ("(((", "((("),
        ("From Me to You", "from me to you"),
        ("Feat", "feat"),
    ],
)
def test_the_core_is_the_song_itself(title: str, core: str) -> None:
    assert title_core(title) == core


@pytest.mark.parametrize(
    ("credit", "names"),
    [
        ("IU", {"iu"}),
        ("이특 (LEETEUK), 크리스탈 (KRYSTAL)", {"이특", "leeteuk", "크리스탈", "krystal"}),
        ("Dion & The Belmonts", {"dion and the belmonts", "dion", "belmonts"}),
        ("Camila Cabello feat. Young Thug", {"camila cabello", "young thug"}),
        ("Bryce Dallas Howard (uncredited)", {"bryce dallas howard"}),
        ("Kristen Bell (as Anna)", {"kristen bell", "anna"}),
        ("MC몽", {"mc몽"}),
        ("The The", {"the"}),
    ],
)
def test_artist_names_are_all_that_a_credit_stands_for(credit: str, names: set[str]) -> None:
    assert artist_names(credit) == names


@pytest.mark.parametrize(
    ("title", "marks"),
    [
        ("Starman - 2012 Remaster", ""),
        ("Heart Of Glass - Remix", "remix"),
        ("Blue Monday - Original Mix", ""),
        ("Hello (Live at the BBC)", "live"),
        ("Lullaby (We Live in Brooklyn)", "live"),
        ("Country Roads (Take Me Home)", ""),
        ("Dandaalayyaa (Telugu and Tamil)", "tamil,telugu"),
        ("Let It Go - Instrumental", "karaoke"),
    ],
)
def test_version_marks_tell_recordings_apart(title: str, marks: str) -> None:
    assert version_marks(title) == marks
