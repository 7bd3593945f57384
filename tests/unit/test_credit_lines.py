"""What contributors write: guests, short labels, labels without "by", names joined by signs, and fine print.

In the lines `<X>` is a linked name.
"""

from __future__ import annotations

import re
import time

import pytest

from tasks.sources.credits import Credit, read_credits, read_line


def credits_of(*lines: str) -> list[Credit]:
    linked = (re.sub(r"<([^<>]+)>", r'<a href="/name/nm1/?ref_=ttsnd">\1</a>', line) for line in lines)
    return read_credits([read_line(line) for line in linked])


def shown(*lines: str) -> str:
    """`role: name | name; role: name`, the roles by their first letters."""
    return "; ".join(f"{credit['role'][:4]}: {' | '.join(credit['names'])}" for credit in credits_of(*lines))


GUESTS = {
    "Performed by <A> (feat. <B>)": "perf: A | B",
    "Performed by <A> (with <B>)": "perf: A | B",
    "Performed by <A> [ft. will.i.am]": "perf: A | will.i.am",
    "Performed by <A> (featuring B and <C>)": "perf: A | B | C",
    "Performed by <A> (feat. <B> (as Bee)) and <C>": "perf: A | B | C",
    "Performed by <A> (duet with Jane Doe)": "perf: A | Jane Doe",
    "Performed by Jane Doe (Featuring Max Moe on acoustic piano)": "perf: Jane Doe | Max Moe",
    "Performed by <A> (with English lyrics)": "perf: A",
    "Performed by <A> (with orchestra)": "perf: A",
    "Performed by <A> (<B>, <C>)": "perf: A",
    "Performed by A, with B, along with C": "perf: A | B | C",
    "Performed by A, accompanied by B": "perf: A; perf: B",
    "Performed by <A> featuring vocals by <B>": "perf: A; perf: B",
}
JOINED = {
    "Performed by <A> vs. <B>": "perf: A | B",
    "Performed by Junkie XL Vs Elvis Presley": "perf: Junkie XL | Elvis Presley",
    "Performed by <A> x <B> X <C> × <D>": "perf: A | B | C | D",
    "Performed by Skrillex x Diplo": "perf: Skrillex | Diplo",
    "Performed by Skrillex X Diplo": "perf: Skrillex | Diplo",
    "Performed by Malcolm X": "perf: Malcolm X",
    "Performed by Lil Nas X and Max Moe": "perf: Lil Nas X | Max Moe",
    "Performed by X Ambassadors": "perf: X Ambassadors",
    "Performed by Lil Nas X x X Ambassadors": "perf: Lil Nas X | X Ambassadors",
    "Performed by Max Moe, X Ambassadors and X": "perf: Max Moe | X Ambassadors | X",
    "Performed by Generation X Band": "perf: Generation X Band",
    "Performed by Charli XCX": "perf: Charli XCX",
    "Performed by A | B • C": "perf: A | B | C",
    "Written by <John Lennon>/<Paul McCartney>&<Max Moe>+<B>": "writ: John Lennon | Paul McCartney | Max Moe | B",
    "Written by <John Lennon>/George Harrison": "writ: John Lennon | George Harrison",
    "Written by <A>, and by <B> and by M.": "writ: A | B | M.",
    "Performed by 10,000 Maniacs, 2 Unlimited": "perf: 10,000 Maniacs | 2 Unlimited",
}
STOPS = {
    "Performed by Moby.": "perf: Moby",
    "Performed by <R.E.M.>.": "perf: R.E.M.",
    "Performed by Boney M.": "perf: Boney M.",
    "Performed by Sammy Davis Jr.": "perf: Sammy Davis Jr.",
    "Written by Max Moe. Performed by Jane Doe.": "writ: Max Moe; perf: Jane Doe",
    "Courtesy of Columbia Records.": "cour: Columbia Records",
    "Courtesy of MCA Records, Inc.": "cour: MCA Records, Inc.",
    "Performed by 'The Moes'": "perf: The Moes",
    "Performed by 'Til Tuesday": "perf: 'Til Tuesday",
    "Performed by Max Moe aka DJ Moe": "perf: Max Moe",
    "Performed by Max Moe as Elvis": "perf: Max Moe",
}
LABELS = {
    "Lead vocals <A>": "perf: A",
    "Lead vocals Jane Doe": "perf: Jane Doe",
    "Lead Vocals by <A>": "perf: A",
    "Vocals - Jane Doe": "perf: Jane Doe",
    "Vocals: <A>, Guitar: <B>": "perf: A; perf: B",
    "Featuring Jane Doe and <B>": "perf: Jane Doe | B",
    "Performer Jane Doe": "perf: Jane Doe",
    "Performer(s): Jane Doe": "perf: Jane Doe",
    "Arr. by <A>": "arra: A",
    "Trad. Arr. Jane Doe": "arra: Jane Doe",
    "Traditional, arr. <A>": "arra: A",
    "(Trad. Arr. Jane Doe)": "arra: Jane Doe",
    "Traditional, arranged by <A>": "arra: A",
    "Traditional (arranged by <A>)": "arra: A",
    "Prod. by <A>": "prod: A",
    "Perf. by <A>": "perf: A",
    "Written-by <A>": "writ: A",
    "Written-By: Jane Doe": "writ: Jane Doe",
    "Words & Music by <A>": "lyri: A; comp: A",
    "Music and lyrics: <A>": "comp: A; lyri: A",
    "Music <A> and lyrics <B>": "comp: A; lyri: B",
    "Music by <A> (lyrics: <B>)": "comp: A; lyri: B",
    "Music composed and lyrics written by <A>": "comp: A; lyri: A",
    "Written in 1934 by <A>": "writ: A",
    "Additional Production and Remixed by <A>": "prod: A; othe: A",
    "Orchestra conducted by <A>": "othe: A",
    "Performed by Orchestra conducted by <A>": "othe: A",
    "Performed by <A> under the direction of <B>": "perf: A; othe: B",
    "Performed by <A>, cond. Jane Doe": "perf: A; othe: Jane Doe",
    "Performed by <A> (dubbed by <B>)": "perf: A; perf: B",
    "Originally performed by <A>": "othe: A",
    "Singers Unlimited": "",
    "Featuring samples from an album": "",
    "(by the sea)": "",
    "(played while they dance by the sea)": "",
}
COMPANIES = {
    "Published by Moe Music. All rights reserved.": "othe: Moe Music",
    "Published by Moe Music (BMI). All rights administered by Doe Music": "othe: Moe Music; othe: Doe Music",
    "Written by Max Moe. Copyright 1990 Moe Music": "writ: Max Moe",
    "Licensed from Moe Records": "othe: Moe Records",
    "Under license from Moe Records.": "othe: Moe Records",
    "By arrangement with Moe Music": "othe: Moe Music",
    "Courtesy: Moe Records": "cour: Moe Records",
}


@pytest.mark.parametrize(("line", "credits"), [*GUESTS.items(), *JOINED.items(), *STOPS.items()])
def test_where_a_name_ends_and_the_next_begins(line: str, credits: str) -> None:
    assert shown(line) == credits


@pytest.mark.parametrize(("line", "credits"), [*LABELS.items(), *COMPANIES.items()])
def test_labels_as_contributors_write_them(line: str, credits: str) -> None:
    assert shown(line) == credits


def test_a_line_that_stops_in_the_middle_goes_on_in_the_next() -> None:
    assert shown("Written by <A>,", "<B> & C", "Performed by D") == "writ: A | B | C; perf: D"
    assert shown("Courtesy of", "Moe Records") == "cour: Moe Records"
    assert shown("Written by <A>,", "Performed by <B>") == "writ: A; perf: B"
    assert shown("Written by <A>,", "(uncredited)") == "writ: A"


def test_comments_without_an_end_cost_no_more_than_their_length() -> None:
    started = time.process_time()
    assert read_line("Written by " + "<!--" * 100_000) == [("Written by ", "")]
    assert time.process_time() - started < 1.0
