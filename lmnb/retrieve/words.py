"""The words of a text, as an index of words counts them: in any language, and with a little grammar in English."""

from __future__ import annotations

import unicodedata

from lmnb.optional import need


def words(text: str) -> list[str]:
    """The words of a text: letters, digits and marks that stand together, without case and width; in scripts that are
    written without spaces, every sign.

    >>> import lmnb
    >>> lmnb.retrieve.words("Zoë's CAFÉ, Straße 12 — 東京 हिन्दी")
    ['zoë', 's', 'café', 'strasse', '12', '東', '京', 'हिन्दी']
    """
    return unicodedata.normalize("NFKC", text).casefold().translate(_signs).split()


def english(text: str) -> list[str]:
    """The words without those that only join others ("the", "of"), and without the endings of plurals and of "she lives".

    Harman, "How Effective Is Suffixing?", 1991: her S stemmer. Needs bm25s, whose list of words it drops.

    >>> import lmnb
    >>> lmnb.retrieve.english("Where do you live? The parties, the houses and the glasses of Anna.")
    ['where', 'do', 'you', 'live', 'party', 'house', 'glasse', 'anna']
    """
    dropped = need("bm25s", "retrieve", "english").stopwords.STOPWORDS_EN
    return [_stem(word) for word in words(text) if word not in dropped]


def _stem(word: str) -> str:
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith(("aes", "ees", "oes", "us", "ss")):
        return word[:-1]
    return word


class _Signs(dict[int, str]):
    """A sign -> itself inside a word, alone where its script has no spaces, else a space; filled as signs are met."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        made = sign if unicodedata.category(sign)[0] in "LNM" or sign == "_" else " "
        if made != " " and any(low <= code <= high for low, high in _WITHOUT_SPACES):
            made = f" {sign} "
        self[code] = made
        return made


# Thai and Lao, Tibetan to Myanmar, Khmer, kana, Han and its extensions
_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3040, 0x30FF),
    (0x3400, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_signs = _Signs()
