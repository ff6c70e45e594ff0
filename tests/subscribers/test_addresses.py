"""subscribers.address: what is an address, and in which forms."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.address import REASONS, from_wire, parse, parse_mailbox
from subscribers.errors import BadAddress
from subscribers.model import Address

ATEXT = string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-"
LABEL = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,20}[a-zA-Z0-9])?", fullmatch=True).filter(
    lambda label: label[2:4] != "--"
)
DOMAIN = st.builds(lambda labels, top: ".".join([*labels, top]), st.lists(LABEL, min_size=1, max_size=4), st.sampled_from(["jp", "Example", "co.jp", "xn--q9jyb4c"]))  # fmt: skip
ATOMS = st.text(ATEXT, min_size=1, max_size=20)
LOCAL = st.lists(ATOMS, min_size=1, max_size=3).map(".".join)
LOCAL = LOCAL.filter(lambda local: len(local) <= 64 and "=?" not in local)
CARRIER = st.builds(
    lambda a, dots, b: a + "." * dots + b, ATOMS, st.integers(1, 3), st.text(ATEXT, max_size=20)
)
CARRIER = CARRIER.filter(lambda local: len(local) <= 60 and "=?" not in local)


def reason(text: str) -> str:
    with pytest.raises(BadAddress) as caught:
        parse(text)
    assert caught.value.facts["reason"] == caught.value.reason
    return caught.value.reason


def test_a_plain_address_keeps_its_case_and_lowers_its_domain() -> None:
    assert parse("Taro.Yamada+news@Mail.Example.JP") == Address(
        written="Taro.Yamada+news@Mail.Example.JP",
        local="Taro.Yamada+news",
        domain="mail.example.jp",
        key="taro.yamada+news@mail.example.jp",
        wire="Taro.Yamada+news@mail.example.jp",
        needs_smtputf8=False,
    )


@pytest.mark.parametrize(
    ("typed", "wire"),
    [
        ("aaa..bbb@docomo.ne.jp", '"aaa..bbb"@docomo.ne.jp'),
        ("abc.@ezweb.ne.jp", '"abc."@ezweb.ne.jp'),
        ("a...b..@phone.example.org", '"a...b.."@phone.example.org'),
        ("ａｂｃ．＠ｅｚｗｅｂ．ｎｅ．ｊｐ", '"abc."@ezweb.ne.jp'),
    ],
)
def test_old_carrier_forms_are_taken_at_any_domain_and_quoted_on_the_wire(typed: str, wire: str) -> None:
    # F46
    address = parse(typed)
    assert address.wire == wire
    assert '"' not in address.written
    assert from_wire(wire).written == address.written
    assert from_wire(wire).key == address.key


def test_quotes_stay_only_where_the_form_needs_them() -> None:
    assert parse('"taro"@example.jp').wire == "taro@example.jp"
    assert parse('"taro"@example.jp').key == parse("Taro@example.jp").key
    assert parse('"a@b"@example.jp').wire == '"a@b"@example.jp'
    assert parse('"a@b"@example.jp').local == "a@b"
    assert parse(r'"a\"\\b"@example.jp').wire == r'"a\"\\b"@example.jp'
    assert parse('".taro"@example.jp').written == '".taro"@example.jp'


@pytest.mark.parametrize(
    "typed",
    [
        "u@日本.example",
        "U@日本。EXAMPLE",
        "u@xn--wgv71a.example",
        "u@XN--WGV71A.example",
        "ｕ＠日本．ｅｘａｍｐｌｅ",
    ],
)
def test_an_international_domain_is_one_person_in_all_its_spellings(typed: str) -> None:
    # F11, F45
    address = parse(typed)
    assert address.domain == "xn--wgv71a.example"
    assert address.key == "u@xn--wgv71a.example"
    assert address.wire.isascii()
    assert address.written.casefold() == "u@日本.example"
    assert not address.needs_smtputf8


def test_an_international_local_part_needs_smtputf8_and_is_never_mangled() -> None:
    address = parse("ユーザー@日本.example")
    assert address.needs_smtputf8
    assert address.wire == "ユーザー@xn--wgv71a.example"
    assert parse("ﾕｰｻﾞｰ@日本.example").key == address.key
    assert parse("ﾕｰｻﾞｰ@日本.example").local == "ﾕｰｻﾞｰ"


def test_composed_and_decomposed_kana_are_one_person() -> None:
    # F49
    composed, decomposed = "ガス@example.jp", "カ\u3099ス@example.jp"
    assert parse(composed) == parse(decomposed)


def test_tags_and_dots_make_different_people() -> None:
    keys = {parse(text).key for text in ("taro@gmail.com", "ta.ro@gmail.com", "taro+a@gmail.com")}
    assert len(keys) == 3


def test_sixty_four_octets_before_the_at_sign_and_no_more() -> None:
    assert parse("x" * 64 + "@example.jp").local == "x" * 64
    assert reason("x" * 65 + "@example.jp") == "local_too_long"
    assert parse("あ" * 21 + "x@example.jp").needs_smtputf8  # 64 octets of UTF-8
    assert reason("あ" * 21 + "xx@example.jp") == "local_too_long"
    assert parse("x" * 60 + "..@example.jp")  # 62 and its two quotes
    assert reason("x" * 61 + "..@example.jp") == "local_too_long"


def test_two_hundred_and_fifty_four_octets_in_all_and_no_more() -> None:
    domain = ".".join(["d" * 61, "e" * 61, "f" * 61, "jp"])  # 188 octets
    longest = f"{'x' * 64}@g{domain}"
    assert len(longest) == 254
    assert parse(longest).wire == longest
    assert reason(f"{'x' * 64}@gg{domain}") == "address_too_long"


def test_the_limit_counts_what_goes_over_the_wire() -> None:
    # 日本語.jp grows from 6 to 19 octets as an A-label.
    domain = ".".join(["日本語ドメイン名"] * 8) + ".jp"
    assert len(f"x@{domain}".encode()) < 254
    assert reason(f"{'x' * 60}@{domain}") == "address_too_long"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("  \u3000", "empty"),
        ("taro.example.jp", "no_at"),
        ("@example.jp", "empty_local"),
        ('""@example.jp', "empty_local"),
        ("taro@", "empty_domain"),
        (".taro@example.jp", "bad_local"),
        ("ta(ro)@example.jp", "bad_local"),
        ("mailto:taro@example.jp", "bad_local"),
        ("a@b.jp;c@d.jp", "several_addresses"),
        ("a@b.jp、c@d.jp", "several_addresses"),
        ("a@b.jp\nc@d.jp", "several_addresses"),
        ('"a"@b.jp,c@d.jp', "several_addresses"),
        ("taro@localhost", "domain_without_dot"),
        ("taro@[192.0.2.1]", "domain_literal"),
        ("taro@192.0.2.1", "domain_literal"),
        ("taro@exa_mple.jp", "bad_domain"),
        ("taro@-example.jp", "bad_domain"),
        ("taro@example..jp", "bad_domain"),
        ("taro@example.jp.", "bad_domain"),
        ("taro@.example.jp", "bad_domain"),
        ("taro@xn--zzzzzz--.jp", "bad_domain"),
        ("taro@" + "d" * 64 + ".jp", "bad_domain"),
        ("taro yamada@example.jp", "space"),
        ('"taro yamada"@example.jp', "space"),
        ("taro@example .jp", "space"),
        ("Taro <taro@example.jp>", "angle_brackets"),
        ("<taro@example.jp>", "angle_brackets"),
        ('"a<b"@example.jp', "angle_brackets"),
        ("=?utf-8?q?=0D=0ABcc?=@example.jp", "encoded_word"),
        ("=?utf-8?q?taro=40example.jp?=", "no_at"),
        ("taro@example.jp\n", "control_character"),
        ("taro\r\nBcc:x@example.jp", "control_character"),
        ("ta\x00ro@example.jp", "control_character"),
        ("ta\x85ro@example.jp", "control_character"),
        ("ta\u2028ro@example.jp", "control_character"),
        ("ta\ud800ro@example.jp", "control_character"),
        ("ta\u202ero@example.jp", "invisible_character"),
        ("ta\u200bro@example.jp", "invisible_character"),
        ("taro@exa\u200bmple.jp", "invisible_character"),
        ("taro@exa\u00admple.jp", "invisible_character"),
        ("x" * 100_000 + "@example.jp", "local_too_long"),
        ("taro@" + "日本." * 100_000 + "jp", "address_too_long"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(text: str, expected: str) -> None:
    # F35: nothing that could become a header or a second recipient gets past the door
    if len(text) > 90_000:
        assert reason(text) in {expected, "address_too_long"}
    else:
        assert reason(text) == expected


def test_a_persian_domain_keeps_its_joiner() -> None:
    assert parse("a@نامه\u200cای.com").domain == "xn--mgba3gch31f060k.com"


def test_every_refusal_has_its_sentence() -> None:
    with pytest.raises(BadAddress) as caught:
        parse("nobody")
    assert REASONS["no_at"] in str(caught.value)
    assert caught.value.facts == {"reason": "no_at", "address": "nobody"}


@pytest.mark.parametrize(
    ("text", "name", "key"),
    [
        ("taro@example.jp", "", "taro@example.jp"),
        ("<taro@example.jp>", "", "taro@example.jp"),
        ("Taro Yamada <taro@example.jp>", "Taro Yamada", "taro@example.jp"),
        ('"Yamada, \\"T\\"" <taro@example.jp> ', 'Yamada, "T"', "taro@example.jp"),
        ("髙橋　健＜ken@example.jp＞", "髙橋　健", "ken@example.jp"),
        ("太郎 <taro..y@docomo.ne.jp>", "太郎", "taro..y@docomo.ne.jp"),
    ],
)
def test_a_mailbox_gives_name_and_address(text: str, name: str, key: str) -> None:
    found, address = parse_mailbox(text)
    assert (found, address.key) == (name, key)


@pytest.mark.parametrize(
    "text",
    [
        "=?utf-8?q?x?= <a@b.jp>",
        "a\r\nBcc: x <a@b.jp>",
        "a <b@c.jp> <d@e.jp>",
        "a <b@c.jp>, d <e@f.jp>",
        "a <>",
    ],
)
def test_a_mailbox_that_hides_something_is_refused(text: str) -> None:
    # F35
    with pytest.raises(BadAddress):
        parse_mailbox(text)


@given(st.one_of(LOCAL, CARRIER), DOMAIN)
def test_whatever_is_accepted_survives_the_wire(local: str, domain: str) -> None:
    address = parse(f"{local}@{domain}")
    again = from_wire(address.wire)
    assert (again.key, again.wire, again.local) == (address.key, address.wire, address.local)
    assert parse(address.written).key == address.key
    assert address.wire.isascii()
    assert address.local == local


@given(LOCAL, DOMAIN)
def test_case_and_width_never_make_a_second_person(local: str, domain: str) -> None:
    # F11
    plain = parse(f"{local}@{domain}")
    wide = f"{local}@{domain}".translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    assert {parse(text).key for text in (f"{local}@{domain}".upper(), wide)} == {plain.key}


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_a_refusal(text: str) -> None:
    for candidate in (text, f"{text}@example.jp", f"taro@{text}.jp"):
        try:
            address = parse(candidate)
        except BadAddress as refusal:
            assert refusal.reason in REASONS
            continue
        assert parse(address.wire).key == address.key == parse(address.written).key
        assert not set(address.wire) & set(" <>\r\n\x00")
        assert len(address.wire.encode()) <= 254
