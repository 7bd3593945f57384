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
    "original name": "original_title",
    "원제": "original_title",
    "원제목": "original_title",
    "원래 제목": "original_title",
    "원본 제목": "original_title",
    "original language": "original_language",
    "원어": "original_language",
    "언어": "original_language",
    "원본 언어": "original_language",
    "원작 언어": "original_language",
    "budget": "budget",
    "제작비": "budget",
    "예산": "budget",
    "revenue": "revenue",
    "수익": "revenue",
    "수입": "revenue",
    "매출": "revenue",
}

DIRECTING = frozenset(("director", "감독", "연출"))
"""The job of a film's directors; an art director and a director of photography are none."""

_MISSING = r"(?:overview|synopsis|description|biography)"
_MISSING_KO = r"(?:개요|줄거리|시놉시스|(?:등록|번역|작성|제공)된\s*(?:소개|설명|내용|글|정보))"
_ABSENT = r"(?:found|available|translated|provided|added|yet|in our database)"
IS_PLACEHOLDER = re.compile(
    r"^\W*(?:sorry\W+)?(?:"
    rf"we (?:currently |still )?(?:don.?t have (?:an?|any)|do not have (?:an?|any)|have no) {_MISSING}s?\b"
    rf"|(?:there is |there.s |this (?:movie|film) has )?(?:currently )?no {_MISSING}\b(?:\W*$|.{{0,20}}\b{_ABSENT}\b)"
    rf"|(?:the )?{_MISSING} (?:is |has |was )?(?:currently )?(?:not (?:yet )?(?:been )?{_ABSENT}|unavailable)"
    rf"|this (?:movie|film) (?:doesn.?t|does not) have an? {_MISSING}\b"
    r"|(?:n/a|tb[ad])\W*$)"
    r"|help us expand our database by adding|데이터베이스(?:를|의)?\s*확장"
    rf"|^[^.!?]{{0,60}}{_MISSING_KO}[^.!?]{{0,25}}"
    r"(?:없(?:습니다|어요|음|네요)|(?:않|못)(?:습니다|았습니다|했습니다|음)|주세요|주십시오|바랍니다|부탁드립니다|준비\s*중)",
    re.IGNORECASE | re.DOTALL,
)
"""The sentences that the site, now or earlier, writes in place of a missing overview, in English and in Korean."""

_LANGUAGES = {
    "en": "english 영어",
    "ko": "korean 한국어 조선말 한국어/조선말",
    "ja": "japanese 일본어 日本語",
    "zh": "mandarin chinese 중국어 표준중국어 북경어 만다린 普通话 國語",
    "cn": "cantonese 광둥어 광동어 广州话 廣州話",
    "fr": "french 프랑스어 français",
    "de": "german 독일어 deutsch",
    "es": "spanish 스페인어 español",
    "it": "italian 이탈리아어 italiano",
    "pt": "portuguese 포르투갈어 português",
    "ru": "russian 러시아어 русский pусский",
    "hi": "hindi 힌디어 हिन्दी",
    "ta": "tamil 타밀어 தமிழ்",
    "te": "telugu 텔루구어 తెలుగు",
    "ml": "malayalam 말라얄람어 മലയാളം",
    "kn": "kannada 칸나다어",
    "mr": "marathi 마라티어",
    "bn": "bengali bangla 벵골어 বাংলা",
    "pa": "punjabi 펀자브어",
    "gu": "gujarati 구자라트어",
    "ur": "urdu 우르두어 اردو",
    "ne": "nepali 네팔어",
    "si": "sinhalese sinhala 싱할라어",
    "th": "thai 태국어 ภาษาไทย",
    "vi": "vietnamese 베트남어",
    "id": "indonesian 인도네시아어",
    "ms": "malay 말레이어",
    "tl": "tagalog filipino 타갈로그어 필리핀어",
    "km": "khmer 크메르어",
    "my": "burmese 버마어 미얀마어",
    "lo": "lao 라오어",
    "mn": "mongolian 몽골어",
    "bo": "tibetan 티베트어",
    "tr": "turkish 터키어 튀르키예어 türkçe",
    "ar": "arabic 아랍어 العربية",
    "fa": "persian farsi 페르시아어 فارسی",
    "he": "hebrew 히브리어 עִבְרִית",
    "ku": "kurdish 쿠르드어",
    "hy": "armenian 아르메니아어",
    "ka": "georgian 조지아어 그루지야어",
    "az": "azerbaijani 아제르바이잔어",
    "kk": "kazakh 카자흐어",
    "uz": "uzbek 우즈베크어",
    "el": "greek 그리스어 ελληνικά",
    "nl": "dutch 네덜란드어 nederlands",
    "sv": "swedish 스웨덴어 svenska",
    "da": "danish 덴마크어 dansk",
    "no": "norwegian 노르웨이어 norsk",
    "fi": "finnish 핀란드어 suomi",
    "is": "icelandic 아이슬란드어 íslenska",
    "et": "estonian 에스토니아어 eesti",
    "lv": "latvian 라트비아어",
    "lt": "lithuanian 리투아니아어",
    "pl": "polish 폴란드어 polski",
    "cs": "czech 체코어 český",
    "sk": "slovak 슬로바키아어",
    "sl": "slovenian 슬로베니아어",
    "hr": "croatian 크로아티아어",
    "sr": "serbian 세르비아어 srpski",
    "sh": "serbo-croatian",
    "bs": "bosnian 보스니아어",
    "mk": "macedonian 마케도니아어",
    "sq": "albanian 알바니아어",
    "bg": "bulgarian 불가리아어",
    "hu": "hungarian 헝가리어 magyar",
    "ro": "romanian 루마니아어 română",
    "uk": "ukrainian 우크라이나어 український українська",
    "be": "belarusian 벨라루스어",
    "ca": "catalan 카탈로니아어 카탈루냐어 català",
    "eu": "basque 바스크어",
    "gl": "galician 갈리시아어",
    "ga": "irish 아일랜드어",
    "cy": "welsh 웨일스어",
    "yi": "yiddish 이디시어",
    "af": "afrikaans 아프리칸스어",
    "sw": "swahili 스와힐리어",
    "zu": "zulu 줄루어",
    "am": "amharic 암하라어",
    "wo": "wolof 월로프어",
    "la": "latin 라틴어",
    "eo": "esperanto 에스페란토어",
}
_CODE_OF = {word: code for code, words in _LANGUAGES.items() for word in words.split()} | {
    "no language": "xx",
    "언어 없음": "xx",
}
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
    return _CODE_OF.get(cleaned.casefold().partition(" / ")[0], cleaned or None)
