"""Pre-encoded parts: whatever stands where, the reader gets exactly the filled text."""

from __future__ import annotations

import base64
import html
import quopri
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailer.message import segments
from mailer.message.segments import Base64Part, QuotedPart, body, compile_part

NAMES = ("NAME", "EMAIL", "SINCE")
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from("あ漢🎏 \t\r\n.=F@-"),
    max_size=200,
).filter(lambda text: "@@" not in text and not text.endswith("@") and not text.startswith("@"))
PIECES = st.lists(
    TEXTS | st.sampled_from(["", "a", "ab", "abc", "あ", "From ", ".", " "]), min_size=1, max_size=6
)
VALUES = st.fixed_dictionaries({name: st.text(max_size=120) for name in NAMES})


def _decoded(part: segments.Part, values: dict[str, str]) -> bytes:
    encoded = b"".join(part.fill({name: segments.value(text) for name, text in values.items()}))
    assert encoded.isascii()
    lines = encoded.split(b"\r\n")
    assert max(map(len, lines)) <= 76
    assert b"\r" not in b"".join(lines)
    assert b"\n" not in b"".join(lines)
    if isinstance(part, Base64Part):
        assert all(len(line) % 4 == 0 for line in lines)  # any reader may decode line by line
        return base64.b64decode(b"".join(lines), validate=True)
    assert not any(line.startswith((b".", b"From ")) or line.endswith((b" ", b"\t")) for line in lines)
    assert b"  " not in encoded  # its relaxed form is itself: the DKIM hash needs no second pass
    assert b"\t" not in encoded
    assert encoded.endswith(b"\r\n") and not encoded.endswith(b"=\r\n")
    return quopri.decodestring(encoded)


def _both(texts: list[str], holes: list[str]) -> list[segments.Part]:
    """Both encodings, whichever `compile_part` would choose."""
    pieces = [unicodedata.normalize("NFC", text) for text in texts]
    source = pieces[0] + "".join(f"@@{n}@@{t}" for n, t in zip(holes, pieces[1:], strict=True))
    statics = segments.SLOT.split(body(source))[0::2]
    named = [segments.Hole(name, str) for name in holes]
    return [
        segments._base64_part([s.encode() for s in statics], named),
        segments._quoted_part(statics, named),
        compile_part(source, is_html=False),
    ]


@given(PIECES, VALUES, st.data())
@settings(deadline=None)
@example(["a ", " b"], {"NAME": "", "EMAIL": "", "SINCE": ""}, None)
@example(["x" * 75, "y"], {"NAME": " ", "EMAIL": " ", "SINCE": " "}, None)
@example(["あ", "", "", "い"], {"NAME": "a", "EMAIL": "", "SINCE": "髙"}, None)
def test_what_is_read_is_the_filled_text(
    texts: list[str], values: dict[str, str], data: st.DataObject | None
) -> None:
    count = len(texts) - 1
    holes = (
        data.draw(st.lists(st.sampled_from(NAMES), min_size=count, max_size=count))
        if data
        else list(NAMES[:count])
    )
    pieces = [unicodedata.normalize("NFC", text) for text in texts]
    filled = "".join(
        text + segments.value(values[hole]) if hole else text
        for text, hole in zip(body("\0".join(pieces)).split("\0"), [*holes, ""], strict=True)
    )
    for part in _both(texts, holes):
        assert _decoded(part, values) == filled.encode()


@given(TEXTS)
@settings(deadline=None)
def test_a_text_without_slots_is_read_as_it_was(text: str) -> None:
    assert _decoded(compile_part(text, is_html=False), {}) == body(text).encode()


def test_japanese_is_base64_and_english_quoted_printable() -> None:  # F47
    japanese = "港町だより。年末のごあいさつと、来年の予定をお届けします。\n" * 40
    english = "Harbour Letter. A greeting at the year's end, and what is planned.\n" * 40
    assert isinstance(compile_part(japanese, is_html=False), Base64Part)
    assert isinstance(compile_part(english, is_html=False), QuotedPart)


@pytest.mark.parametrize(
    "text", ["港町の便り" * 300, "A letter from the harbour. " * 300, "Café à côté – " * 200]
)
def test_the_smaller_encoding_is_chosen(text: str) -> None:
    statics = [body(text)]
    sizes = [
        len(b"".join(part.fill({})))
        for part in (segments._base64_part([statics[0].encode()], []), segments._quoted_part(statics, []))
    ]
    assert len(b"".join(compile_part(text, is_html=False).fill({}))) == min(sizes)


def test_values_are_escaped_in_html_and_left_alone_in_text() -> None:
    value = {"NAME": """<b>"R&D"</b> 'x'"""}
    markup = compile_part('<p title="@@NAME@@">@@NAME@@</p>', is_html=True)
    assert _decoded(markup, value).decode() == body(
        f'<p title="{html.escape(value["NAME"])}">{html.escape(value["NAME"])}</p>'
    )
    assert _decoded(compile_part("Dear @@NAME@@,", is_html=False), value).decode() == body(
        f"Dear {value['NAME']},"
    )


def test_a_value_inside_a_longer_address_is_percent_encoded() -> None:
    markup = '<a href="@@NAME@@">x</a> <a href="https://h.example/?a=@@EMAIL@@&amp;r=@@NAME@@">y</a>'
    read = _decoded(compile_part(markup, is_html=True), {"NAME": "https://h.example/u?a&b", "EMAIL": '"@あ'})
    assert read.decode() == body(
        '<a href="https://h.example/u?a&amp;b">x</a> '
        '<a href="https://h.example/?a=%22%40%E3%81%82&amp;r=https%3A%2F%2Fh.example%2Fu%3Fa%26b">y</a>'
    )


@pytest.mark.parametrize(
    ("given_value", "shown"),
    [
        ("Anna\r\nBcc: x@evil.example", "Anna  Bcc: x@evil.example"),
        ("a\0b\x92c\u2028d\u2029e\tf", "a b c d e f"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\ud83d", ""),  # half of a surrogate pair  # F49
        ("が", "が"),  # NFD becomes NFC  # F49
        ("👩\u200d🚀 \u0301", "👩\u200d🚀 \u0301"),  # a ZWJ emoji stays; a lone combining mark is no error
    ],
)
def test_a_value_brings_in_text_and_nothing_else(given_value: str, shown: str) -> None:
    assert segments.value(given_value) == shown


def test_a_slot_without_a_value_is_our_mistake() -> None:
    with pytest.raises(KeyError, match="NAME"):
        compile_part("@@NAME@@", is_html=False).fill({})
