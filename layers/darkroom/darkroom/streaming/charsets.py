"""The likely encoding of a text that is not UTF-8: a guess for a message to people, never used for decoding."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

SAMPLE_BYTES = 4096
PLAUSIBLE = 0.5  # share of everyday letters; a wrong encoding reaches a third by chance
MAX_LATIN_RUN = 1.5  # accented letters stand alone among plain ones

_PUNCTUATION = "«»‘’“”„–—…°·€£§、。，！？：；（）「」『』《》〈〉【】・ー～"
_WESTERN = "äöüßéèàâçêëîïôûùñóíáúãõåæøìò" + _PUNCTUATION
_RUSSIAN = "оеаинтсрвлкмдпуяыь" + _PUNCTUATION
_CENTRAL = "ąćęłńóśźżáčďéěíňřšťúůýžőűöüä" + _PUNCTUATION


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An encoding, and the characters that make up most of its texts."""

    name: str
    codec: str
    everyday: frozenset[str]
    is_latin: bool = False


def told(data: bytes) -> str:
    """The fault of bytes that are not UTF-8, as the end of a sentence about a file or a line."""
    name = likely(data)
    return f"is not in UTF-8; it looks like {name}" if name else "is not in UTF-8, and looks like no text at all"


def likely(data: bytes) -> str | None:
    """The name of the likely encoding; None if the bytes look like no text."""
    if data[:4] == codecs.BOM_UTF32_LE or data[:4] == codecs.BOM_UTF32_BE or _is_utf32(data):
        return "UTF-32"
    if any(escape in data for escape in (b"\x1b$B", b"\x1b$@")):
        return "ISO-2022-JP (Japanese)"
    sample = _sample(data)
    named = [(_likeness(sample, candidate), candidate.name) for candidate in _candidates(sample)]
    likeness, name = max(named, key=lambda pair: pair[0], default=(0.0, ""))
    return name if likeness >= PLAUSIBLE else None


def _sample(data: bytes) -> bytes:
    """The bytes from the first one outside ASCII on. The offset is even, as a character of UTF-16 needs it."""
    first = next((place for place, byte in enumerate(data) if byte > 127), 0) & ~1
    return data[first : first + SAMPLE_BYTES]


def _is_utf32(data: bytes) -> bool:
    return any(_decoded(data[:SAMPLE_BYTES], codec) for codec in ("utf-32-le", "utf-32-be"))


def _candidates(sample: bytes) -> Iterator[_Candidate]:
    """The possible encodings, commoner ones first."""
    high = [byte > 127 for byte in sample]
    runs = sum(now and not before for before, now in zip([False, *high], high, strict=False))
    may_be_latin = runs > 0 and sum(high) / runs < MAX_LATIN_RUN
    for candidate in _known():
        is_wide = candidate.codec.startswith("utf-16")
        if is_wide or (runs and b"\0" not in sample and may_be_latin >= candidate.is_latin):
            yield candidate


def _likeness(sample: bytes, candidate: _Candidate) -> float:
    """The share of everyday characters among those that are not plain ASCII; in UTF-16, among all."""
    text = _decoded(sample, candidate.codec).lower()
    telling = text if candidate.codec.startswith("utf-16") else [letter for letter in text if not letter.isascii()]
    return sum(letter in candidate.everyday for letter in telling) / len(telling) if telling else 0.0


def _decoded(sample: bytes, codec: str) -> str:
    """The sample as text, without a character cut at its end; empty if it is in another encoding."""
    try:
        return codecs.getincrementaldecoder(codec)().decode(sample, final=len(sample) < SAMPLE_BYTES)
    except UnicodeDecodeError:
        return ""


@cache
def _known() -> tuple[_Candidate, ...]:
    """Every known encoding. Built on first use, because that takes milliseconds."""
    kana, hangul = _span(0x3041, 0x30FF), _span(0xAC00, 0xD7A3)
    simplified, traditional = _rows("gb2312", 0xB0, 0xD7), _rows("big5", 0xA4, 0xC6)
    kanji = _rows("euc_jp", 0xB0, 0xCF) | kana
    marks = frozenset(_PUNCTUATION)
    scripts = _span(0xDF, 0xFF) | _span(0x386, 0x3CE) | _span(0x430, 0x45F) | _span(0x5D0, 0x5EA) | _span(0x621, 0x64A)
    plain = frozenset("\t\n\r").union(map(chr, range(32, 127)))
    wide = plain | scripts | _span(0xE01, 0xE4E) | simplified | traditional | kanji | hangul | marks
    return (
        _Candidate("Windows-1252 (Western European)", "cp1252", frozenset(_WESTERN), is_latin=True),
        _Candidate("Windows-1250 (Central European)", "cp1250", frozenset(_CENTRAL), is_latin=True),
        _Candidate("Windows-1254 (Turkish)", "cp1254", frozenset("ğışçöüâ" + _PUNCTUATION), is_latin=True),
        _Candidate("DOS code page 850", "cp850", frozenset(_WESTERN), is_latin=True),
        _Candidate("Shift_JIS (Japanese)", "cp932", kanji | marks),
        _Candidate("EUC-KR (Korean)", "cp949", hangul | marks),
        _Candidate("GB18030 (Chinese)", "gb18030", simplified | marks),
        _Candidate("EUC-JP (Japanese)", "euc_jp", kanji | marks),
        _Candidate("Big5 (Chinese)", "cp950", traditional | marks),
        _Candidate("Windows-1251 (Cyrillic)", "cp1251", frozenset(_RUSSIAN)),
        _Candidate("KOI8-R (Cyrillic)", "koi8_r", frozenset(_RUSSIAN)),
        _Candidate("DOS code page 866 (Cyrillic)", "cp866", frozenset(_RUSSIAN)),
        _Candidate("Windows-1253 (Greek)", "cp1253", frozenset("αοιετνσρκπμληύόίάέωχ" + _PUNCTUATION)),
        _Candidate("Windows-1255 (Hebrew)", "cp1255", frozenset("יוהלאתרבשמנםכחפד" + _PUNCTUATION)),
        _Candidate("Windows-1256 (Arabic)", "cp1256", frozenset("اليمنوترةبعدفسكحقهجض" + _PUNCTUATION)),
        _Candidate("Windows-874 (Thai)", "cp874", frozenset("านรกอเงมยลวดทสบคตปหใไ่้ัีิ็")),
        _Candidate("UTF-16 without a byte order mark", "utf-16-le", wide),
        _Candidate("UTF-16 without a byte order mark", "utf-16-be", wide),
    )


def _span(first: int, last: int) -> frozenset[str]:
    return frozenset(map(chr, range(first, last + 1)))


def _rows(codec: str, first: int, last: int) -> frozenset[str]:
    """The characters whose first byte lies in this range. In these sets the everyday ones come first."""
    pairs = (bytes((lead, trail)) for lead in range(first, last + 1) for trail in range(0x40, 0xFF))
    return frozenset("".join(pair.decode(codec, "ignore") for pair in pairs)) - _span(0, 127)
