"""TMDB's words, in English and Korean: genres by number, labels of facts, languages, sentences for "nothing"."""

from __future__ import annotations

import re

GENRES: dict[int, str] = {
    28: "Action",
    12: "Adventure",
    16: "Animation",
    35: "Comedy",
    80: "Crime",
    99: "Documentary",
    18: "Drama",
    10751: "Family",
    14: "Fantasy",
    36: "History",
    27: "Horror",
    10402: "Music",
    9648: "Mystery",
    10749: "Romance",
    878: "Science Fiction",
    10770: "TV Movie",
    53: "Thriller",
    10752: "War",
    37: "Western",
}
"""TMDB's 19 film genres by their number, which is in every genre link whatever the language of its text."""

LABELS = {
    "original title": "original_title",
    "원제": "original_title",
    "원래 제목": "original_title",
    "original language": "original_language",
    "원어": "original_language",
    "언어": "original_language",
    "budget": "budget",
    "제작비": "budget",
    "예산": "budget",
    "revenue": "revenue",
    "수익": "revenue",
    "매출": "revenue",
}

IS_PLACEHOLDER = re.compile(
    r"we don.t have an? (?:overview|biography)|no overview (?:found|translated|available)|help us expand our database"
    r"|개요가\s*없|개요를?\s*(?:추가|번역)|등록된\s*(?:개요|줄거리)",
    re.IGNORECASE,
)
"""The sentences that a film page writes in place of a missing overview."""

_LANGUAGES = {
    "en": "english 영어",
    "ko": "korean 한국어 조선말 한국어/조선말",
    "ja": "japanese 일본어",
    "zh": "mandarin chinese 중국어 표준중국어 북경어",
    "cn": "cantonese 광둥어 광동어",
    "fr": "french 프랑스어",
    "de": "german 독일어",
    "es": "spanish 스페인어",
    "it": "italian 이탈리아어",
    "pt": "portuguese 포르투갈어",
    "ru": "russian 러시아어",
    "hi": "hindi 힌디어",
    "ta": "tamil 타밀어",
    "te": "telugu 텔루구어",
    "ml": "malayalam 말라얄람어",
    "kn": "kannada 칸나다어",
    "bn": "bengali 벵골어",
    "th": "thai 태국어",
    "vi": "vietnamese 베트남어",
    "id": "indonesian 인도네시아어",
    "tl": "tagalog 타갈로그어",
    "tr": "turkish 터키어 튀르키예어",
    "ar": "arabic 아랍어",
    "fa": "persian 페르시아어",
    "he": "hebrew 히브리어",
    "el": "greek 그리스어",
    "nl": "dutch 네덜란드어",
    "sv": "swedish 스웨덴어",
    "da": "danish 덴마크어",
    "no": "norwegian 노르웨이어",
    "fi": "finnish 핀란드어",
    "is": "icelandic 아이슬란드어",
    "pl": "polish 폴란드어",
    "cs": "czech 체코어",
    "hu": "hungarian 헝가리어",
    "ro": "romanian 루마니아어",
    "uk": "ukrainian 우크라이나어",
    "sr": "serbian 세르비아어",
    "ca": "catalan 카탈로니아어",
    "la": "latin 라틴어",
    "xx": "no language",
}
_CODE_OF = {word: code for code, words in _LANGUAGES.items() for word in words.split()} | {"no language": "xx"}
_GENRE_LINK = re.compile(r"/genre/(\d+)")
_NAME_OF = {name.casefold(): name for name in GENRES.values()}


def genre_name(href: str | None, text: str | None) -> str | None:
    """The English name of a genre link: by its number, else by its text.

    >>> genre_name("/genre/878-science-fiction/movie?language=ko-KR", "SF")
    'Science Fiction'
    """
    number = _GENRE_LINK.search(href or "")
    if number and len(number[1]) < 9 and int(number[1]) in GENRES:
        return GENRES[int(number[1])]
    return _NAME_OF.get((text or "").casefold(), text)


def language_code(name: str | None) -> str | None:
    """TMDB's code of a language that a film page names; a name that is not known stays as it is.

    >>> language_code("Korean"), language_code("일본어"), language_code("Klingon"), language_code("-") is None
    ('ko', 'ja', 'Klingon', True)
    """
    cleaned = (name or "").strip(" -")
    return _CODE_OF.get(cleaned.casefold(), cleaned or None)
