"""Named, versioned text preprocessors, the same at training and at serving.

A name never changes its meaning: a new rule gets a new name, since the name is part of the cache
key and of what a model was trained on. Every rule is one pass over the text: no rule normalises
to NFC or NFKC and none backtracks, so hostile text costs no more than plain text of its length.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

_UNICODE_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_SURROGATE_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
# html.unescape would also read "&#" and a million digits, which int() refuses with ValueError.
_ENTITIES: Final[Mapping[str, str]] = {
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&apos;": "'",
    "&#39;": "'",
    "&#x27;": "'",
    "&nbsp;": " ",
}
_ENTITY: Final = re.compile("|".join(map(re.escape, _ENTITIES)))
_PLAIN: Final = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'}
    | {"\u2026": "...", "\u2013": "-", "\u2014": "-"}
    | {"\u200b": None, "\u200d": None, "\ufeff": None, "\ufe0e": None, "\ufe0f": None}
)
_LINK: Final = re.compile(r"(?:https?://|\bwww\.)\S+", re.IGNORECASE)
_NAME: Final = re.compile(r"(?<![\w@])@\w+")
_HASHTAG: Final = re.compile(r"#(\w{2,100})")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|_")
# Quotes that a CSV writer doubled and nobody undid: \"" and "".
_CSV_QUOTE: Final = re.compile(r'\\?""+|\\"')
_EMOJI: Final = re.compile(
    "([\u231a\u231b\u23e9-\u23f3\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001faff])\\1*"
)
# Skin tones and the two halves of flags say nothing about tone.
_MODIFIER: Final = re.compile("[\U0001f3fb-\U0001f3ff\U0001f1e6-\U0001f1ff\ud800-\udfff]")
_EMOTICONS: Final[Mapping[str, str]] = {
    mark: name
    for name, marks in {
        "slightly smiling face": ":) :-) (: =) :] ;) ;-)",
        "grinning face": ":D :-D =D XD xD :')",
        "disappointed face": ":( :-( ): =( :[ :'( ;(",
        "confused face": ":/ :-/ :\\ :-\\ :| :-|",
        "face with tongue": ":P :-P :p :-p",
        "red heart": "<3",
        "broken heart": "</3",
    }.items()
    for mark in marks.split()
}
_EMOTICON: Final = re.compile(
    r"(?<!\S)(?:"
    + "|".join(re.escape(mark) for mark in sorted(_EMOTICONS, key=len, reverse=True))
    + r")[()]*(?=[\s.,!?\"]|$)"
)
_FULL_STARS: Final = "\u2605\u2b50"
_STARS: Final = re.compile(f"(?:[{_FULL_STARS}\u2606]\ufe0f?){{2,}}")
_RUN: Final = re.compile(r"(\S)\1{3,}", re.DOTALL)


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def _join_surrogates(match: re.Match[str]) -> str:
    high, low = ord(match[0][0]), ord(match[0][1])
    return chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00)


def _split_hashtag(match: re.Match[str]) -> str:
    return "# " + _HUMP.sub(" ", match[1])


def _emoticon(match: re.Match[str]) -> str:
    text = match[0]
    for width in (3, 2):
        if (name := _EMOTICONS.get(text[:width])) is not None:
            return name
    return text


@lru_cache(maxsize=4096)
def _emoji_words(character: str) -> str:
    name = unicodedata.name(character, "").lower().replace("-", " ")
    return f" {name.removeprefix('heavy black ').removeprefix('white ')} "


def _emoji(match: re.Match[str]) -> str:
    return _emoji_words(match[1])


def _social_1(text: str) -> str:
    """Social and support text as the default model reads it.

    Names become "@user" and links "http" (TweetEval's convention, Barbieri et al. 2020). Emoji
    and emoticons become words, since the base vocabulary has none of them and would see only
    "[UNK]". Escapes, entities, doubled quotes and treebank spacing are undone. Lone surrogates
    are dropped. The result has single spaces and no run of more than three equal characters.
    """
    text = _UNICODE_ESCAPE.sub(_unescape, text)
    text = _SURROGATE_PAIR.sub(_join_surrogates, text)
    text = _ENTITY.sub(lambda match: _ENTITIES[match[0]], text)
    text = text.translate(_PLAIN)
    text = _LINK.sub("http", text)
    text = _NAME.sub("@user", text)
    text = _CSV_QUOTE.sub('"', text)
    text = text.replace("``", '"').replace("''", '"').replace(" n't", "n't")
    text = text.replace("-LRB-", "(").replace("-RRB-", ")")
    text = _MODIFIER.sub("", text)
    text = _EMOJI.sub(_emoji, text)
    text = _EMOTICON.sub(_emoticon, text)
    text = _HASHTAG.sub(_split_hashtag, text)
    text = _RUN.sub(r"\1\1\1", text)
    return " ".join(text.split()).strip('"').strip()


def _rating(match: re.Match[str]) -> str:
    full = sum(character in _FULL_STARS for character in match[0])
    return f" {full} star{'s' * (full != 1)} "


def _social_2(text: str) -> str:
    """As `social-1`, with stars in a row as the rating that they stand for: "3 stars"."""
    return _social_1(_STARS.sub(_rating, text))


PREPROCESSORS: Final[Mapping[str, Callable[[str], str]]] = {
    "none": str,
    "social-1": _social_1,
    "social-2": _social_2,
}
