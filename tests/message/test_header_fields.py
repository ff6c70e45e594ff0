"""The header: a closed list, each form as its RFC asks, and nothing that anybody wrote gets out of its line."""

from __future__ import annotations

import email
import email.policy
import re
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.utils import getaddresses
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.errors import HeaderRefused
from mailer.message import encoded_words, headers, inputs
from mailer.message.build import compile
from mailer.message.headers import Stationery
from subscribers import address
from tests.message.samples import (
    NAMES,
    NOTICE,
    NOW,
    PARTICULARS,
    STATIONERY,
    SUBJECTS,
    UNSUBSCRIBE,
    VALUES,
    edition,
)

_WORD = re.compile(r"=\?UTF-8\?B\?([A-Za-z0-9+/=]*)\?=")


def _message(stationery: Stationery = STATIONERY, language: str = "ja", **changes: object) -> bytes:
    return compile(edition(language), stationery).build(VALUES, **{**PARTICULARS, **changes})  # type: ignore[arg-type]


def _field(message: bytes, name: str) -> str:
    """The raw field with its line ends, read without any library."""
    header = message.partition(b"\r\n\r\n")[0].decode() + "\r\n"
    found = re.findall(rf"(?m)^{name}: (.*\r\n(?:[ \t].*\r\n)*)", header)
    assert len(found) == 1
    return str(found[0])


def _decoded(raw: str) -> str:
    return str(make_header(decode_header(raw)))


def _lines_hold(field: str) -> None:
    for line in field.split("\r\n"):
        assert len(line) <= 76
    for word in re.findall(r"=\?\S+\?=", field):
        assert len(word) <= 75
        match = _WORD.fullmatch(word)
        assert match
        b64decode(match[1]).decode()  # valid on its own: no character is split (RFC 2047 §5 (3))


# ── the list ────────────────────────────────────────────────────────────────────────────────────


def test_a_campaign_message_has_exactly_these_headers() -> None:
    parsed = email.message_from_bytes(_message(), policy=email.policy.compat32)
    assert parsed.keys() == [
        "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe",
        "List-Unsubscribe-Post", "List-Archive", "Archived-At", "Feedback-ID", "Precedence",
        "X-Auto-Response-Suppress", "Content-Language", "MIME-Version", "Content-Type",
    ]  # fmt: skip
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["Feedback-ID"] == "2034-12:ja:campaign:harbour-cities"
    assert parsed["To"] == "<hanako@harbour.example>"
    assert parsed["Content-Language"] == "ja"


def test_a_notice_says_that_a_machine_wrote_it_and_belongs_to_no_list() -> None:
    parsed = email.message_from_bytes(_message(NOTICE, unsubscribe=()), policy=email.policy.compat32)
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert not [name for name in parsed if name.startswith("List-") or name == "Precedence"]


def test_the_office_without_a_web_server_offers_mailto_alone() -> None:
    office = replace(STATIONERY, unsubscribe="mailto", list_archive="", archived_at="")
    parsed = email.message_from_bytes(_message(office, unsubscribe=UNSUBSCRIBE[1:]))
    assert parsed["List-Unsubscribe"] == f"<{UNSUBSCRIBE[1]}>"
    assert not {"List-Unsubscribe-Post", "List-Archive", "Archived-At"} & set(parsed.keys())


def test_one_click_is_promised_only_with_an_https_address_in_the_first_place() -> None:  # F22
    for uris in ((), UNSUBSCRIBE[::-1], ("http://letter.harbour.example/u/x",)):
        with pytest.raises(HeaderRefused) as caught:
            _message(unsubscribe=uris)
        assert caught.value.facts["field"] == "List-Unsubscribe"
    page = replace(STATIONERY, unsubscribe="page")
    assert b"List-Unsubscribe-Post" not in _message(page, unsubscribe=("http://letter.harbour.example/u/x",))


def test_a_long_unsubscribe_address_stays_literal_and_folds_only_between_addresses() -> None:  # F51
    url = "https://letter.harbour.example/u/" + "x" * 267
    assert len(url) == 300
    field = _field(_message(unsubscribe=(url, UNSUBSCRIBE[1])), "List-Unsubscribe")
    assert field == f"<{url}>,\r\n <{UNSUBSCRIBE[1]}>\r\n"


def test_an_address_that_would_break_the_line_limit_is_refused() -> None:  # F48
    longest = "https://h.example/" + "x" * 882
    assert max(map(len, _message(unsubscribe=(longest,)).split(b"\r\n"))) <= 998
    with pytest.raises(HeaderRefused):
        _message(unsubscribe=(longest + "x",))


def test_no_encoded_word_stands_where_it_must_not() -> None:
    message = _message(replace(STATIONERY, list_name="みなと便り"))
    assert _field(message, "List-Id") == "<enews.harbour.example>\r\n"
    for name in (
        "List-Id",
        "List-Unsubscribe",
        "List-Archive",
        "Message-ID",
        "To",
        "Reply-To",
        "Content-Type",
    ):
        assert "=?" not in _field(message, name)


def test_a_list_name_with_a_comma_is_quoted() -> None:
    message = _message(replace(STATIONERY, list_name='Harbour, "the" Letter'))
    assert _field(message, "List-Id") == '"Harbour, \\"the\\" Letter" <enews.harbour.example>\r\n'


def test_the_date_has_the_numeric_zone_of_the_site() -> None:
    assert _field(_message(), "Date") == "Wed, 20 Dec 2034 09:00:00 +0900\r\n"
    summer = datetime(2034, 7, 1, 12, 0, 59, 999_999, tzinfo=UTC)
    assert headers.date(summer, "Europe/Paris") == b"Sat, 01 Jul 2034 14:00:59 +0200"
    assert (
        headers.date(summer.astimezone(ZoneInfo("Asia/Kolkata")), "UTC") == b"Sat, 01 Jul 2034 12:00:59 +0000"
    )
    with pytest.raises(ValueError, match="naive"):
        headers.date(datetime(2034, 7, 1), "UTC")


def test_a_retry_is_the_same_message_but_for_its_date() -> None:  # F50
    later = _message(date=NOW.replace(hour=5))
    assert later.replace(b"14:00:00", b"09:00:00") == _message()


# ── subject and names ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", ["ja", "en", "ar"])
def test_a_subject_and_a_sender_are_read_as_they_were_written(language: str) -> None:  # F44
    message = _message(replace(STATIONERY, sender_name=NAMES[language]), language)
    subject, sender = _field(message, "Subject"), _field(message, "From")
    _lines_hold(f"Subject: {subject}")
    _lines_hold(f"From: {sender}")
    assert _decoded(email.message_from_bytes(message)["Subject"].replace("\r\n", "")) == SUBJECTS[language]
    ((name, address),) = getaddresses([email.message_from_bytes(message)["From"]])
    assert (_decoded(name), address) == (NAMES[language], "news@harbour.example")


def test_the_japanese_subject_of_these_tests_is_as_hard_as_promised() -> None:
    assert len(SUBJECTS["ja"]) == 70
    assert set("髙﨑𠮷①㈱～😀") <= set(SUBJECTS["ja"])
    assert len(NAMES["ja"]) == 40


def test_a_family_of_emoji_and_a_flag_are_not_torn_apart() -> None:  # F49
    family, flag = "👨\u200d👩\u200d👧", "🇯🇵"
    for filler in range(12):
        field = encoded_words.unstructured("Subject", "あ" * filler + (family + flag + "か\u3099") * 4)
        _lines_hold(field)
        runs = [b64decode(word).decode() for word in _WORD.findall(field)]
        assert not any(run.startswith(("\u200d", "\u3099")) or run.endswith("\u200d") for run in runs)
        assert all(sum("\U0001f1e6" <= c <= "\U0001f1ff" for c in run) % 2 == 0 for run in runs)


def test_an_endless_cluster_is_still_folded() -> None:  # F49
    field = encoded_words.unstructured("Subject", "a" + "\u0301" * 200)
    _lines_hold(f"{field}")
    assert _decoded(field.partition(": ")[2]) == "a" + "\u0301" * 200


def test_nfd_kana_come_out_as_nfc() -> None:  # F49
    assert inputs.text("Subject", "か\u3099き\u3099") == "がぎ"


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("Harbour Letter", "Harbour Letter <a@h.example>\r\n"),
        ("Harbour, Cities", '"Harbour, Cities" <a@h.example>\r\n'),
        ('The "Letter" \\ 84.', '"The \\"Letter\\" \\\\ 84." <a@h.example>\r\n'),
        ("Two  blanks", '"Two  blanks" <a@h.example>\r\n'),
    ],
)
def test_a_short_ascii_name_stays_readable(name: str, wire: str) -> None:
    assert encoded_words.mailbox("From", name, "a@h.example") == f"From: {wire}"


@given(st.text(max_size=120), st.sampled_from(["a@h.example", "a" * 64 + "@" + "h" * 60 + ".example"]))
@settings(deadline=None)
def test_any_name_is_one_mailbox_and_read_as_written(name: str, address: str) -> None:
    try:
        clean = inputs.text("From", name)
    except HeaderRefused:
        return
    if not clean:
        return
    field = encoded_words.mailbox("From", clean, address)
    if len(address) < 70:
        _lines_hold(field)
    parsed = email.message_from_bytes(field.encode() + b"\r\n")
    ((read, read_address),) = getaddresses([parsed["From"]])
    assert read_address == address
    assert _decoded(read) == clean


@given(st.text(max_size=200) | st.text("ab =?_@.", max_size=200))
@settings(deadline=None)
def test_any_subject_is_read_as_written(subject: str) -> None:
    try:
        clean = inputs.text("Subject", subject)
    except HeaderRefused:
        return
    if not clean:
        return
    field = encoded_words.unstructured("Subject", clean)
    _lines_hold(field)
    assert field.isascii() and field.endswith("\r\n")
    assert not any(line.isspace() for line in field.split("\r\n"))
    parsed = email.message_from_bytes(field.encode() + b"\r\n")
    assert parsed.keys() == ["Subject"]
    assert _decoded(parsed["Subject"].replace("\r\n", "")) == clean


# ── addresses ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "to",
    [
        '"taro..y"@docomo.example',  # F46
        '"abc."@ezweb.example',  # F46
        "u@xn--wgv71a119e.example",  # F45
        "o'hara+news@h.example",
        "ユーザー@h.example",  # RFC 6532, with SMTPUTF8 only
    ],
)
def test_an_address_in_wire_form_stands_in_to_as_it_is(to: str) -> None:
    assert _field(_message(to=to), "To") == f"<{to}>\r\n"


@pytest.mark.parametrize(
    ("written", "wire"),
    [
        ("taro..y@docomo.example", '"taro..y"@docomo.example'),  # F46
        ("abc.@ezweb.example", '"abc."@ezweb.example'),  # F46
        ("u@日本.example", "u@xn--wgv71a.example"),  # F45
        ("Hanako.Minato@港.example", "Hanako.Minato@xn--j6w.example"),  # F45
        ("hanako＠harbour.example", "hanako@harbour.example"),
    ],
)
def test_an_address_as_the_store_keeps_it_is_fit_for_to_and_from(written: str, wire: str) -> None:
    parsed = address.parse(written)
    stationery = replace(STATIONERY, sender_email=parsed.wire, reply_to=parsed.wire)
    message = _message(stationery, to=parsed.wire)
    assert _field(message, "To") == _field(message, "Reply-To") == f"<{wire}>\r\n"
    ((_, sender),) = getaddresses([email.message_from_bytes(message)["From"]])
    assert sender == wire


@pytest.mark.parametrize(
    "to",
    [
        "taro..y@docomo.example",  # F46: unquoted it is illegal
        "abc.@ezweb.example",
        "u@日本.example",  # F45: not yet an A-label
        "=?utf-8?q?a?=@h.example",
        "a@h.example, b@h.example",
        "a@h.example>",
        "Hanako <a@h.example>",
        "a b@h.example",
        "a@h.example\r\nBcc: x@evil.example",
        "a@h.example\n",
        "a@" + "h" * 250 + ".example",
        "\u202eab@h.example",
        "a@-h.example",
        "@h.example",
        "",
    ],
)
def test_anything_else_never_reaches_to(to: str) -> None:
    with pytest.raises(HeaderRefused) as caught:
        _message(to=to)
    assert caught.value.facts["field"] == "To"


def test_only_a_recipient_may_have_a_local_part_beyond_ascii() -> None:
    with pytest.raises(HeaderRefused):
        _message(replace(STATIONERY, sender_email="ユーザー@h.example"))


@pytest.mark.parametrize(
    "feedback",
    [
        ("a", "b", "c", "d", "sender"),
        ("a", "b", "a", "sender"),
        ("a b", "sender"),
        ("a", "four"),
        ("a", "s" * 16),
    ],
)
def test_a_feedback_id_that_gmail_would_ignore_is_refused(feedback: tuple[str, ...]) -> None:
    with pytest.raises(HeaderRefused) as caught:
        _message(replace(STATIONERY, feedback=feedback))
    assert caught.value.facts["field"] == "Feedback-ID"


@pytest.mark.parametrize("domain", ["harbour-cities.example", "a.b", "日本.example", "x" * 60 + ".example"])
def test_a_sender_id_can_be_made_from_any_domain(domain: str) -> None:
    assert inputs.feedback(("a", headers.feedback_sender(domain)))
