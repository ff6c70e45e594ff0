"""Which column is what, and what stands in a cell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.address import parse_mailbox
from subscribers.errors import BadTable
from subscribers.transfer import cells, headings
from subscribers.transfer.headings import Columns, choose
from subscribers.transfer.reasons import RefusedCell


def columns(
    *heading: str, named: dict[str | int, str] | None = None, rows: Any = (), **known: Any
) -> Columns:
    head = [(line, [*row]) for line, row in enumerate([heading, *rows], start=1)]
    return choose(head, named or {}, **known)


def reason(*heading: str, **known: Any) -> str:
    with pytest.raises(BadTable) as refused:
        columns(*heading, **known)
    return refused.value.reason


# ── headings ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "heading",
    [
        "email", "E-mail", "EMAIL", "e_mail", "Email address", "ｅ－ｍａｉｌ", "メール", "メールアドレス", "ﾒｰﾙｱﾄﾞﾚｽ", "Ｅメール", "Eメール",
        " 電子メール ", "メール　アドレス", "メールアドレス*", "【メールアドレス】", "Ｅ－ｍａｉｌ", "\ufeffemail",
    ],
)  # fmt: skip
def test_the_column_of_addresses_is_known_in_any_dress(heading: str) -> None:
    assert columns("x", heading).email == 1


def test_every_field_has_headings_in_english_and_japanese() -> None:
    for row in (
        ("email", "name", "languages", "time_zone", "state"), ("E-mail", "Full name", "Language", "Time zone", "Status"),
        ("メール", "氏名", "希望言語", "タイムゾーン", "状態"), ("メール", "お名前", "言語", "時間帯", "登録状況"),
    ):  # fmt: skip
        found = columns(*row)
        assert (found.email, found.name, found.languages, found.time_zone, found.state) == (0, 1, 2, 3, 4)


def test_attributes_keep_their_own_names() -> None:
    found = columns("email", "attr.City", "属性.市区町村", "属性．部署", "ATTR.x y")
    assert found.attributes == (("City", 1), ("市区町村", 2), ("部署", 3), ("x y", 4))


def test_columns_that_mean_nothing_to_us_are_reported() -> None:
    assert columns("email", "住所", "", "Phone ", "lists", "suppressed").ignored == ("住所", "Phone")


def test_a_title_may_stand_above_the_heading() -> None:
    found = columns("会員名簿", rows=[["2034年12月"], ["氏名", "メール"], ["田中", "a@example.jp"]])
    assert (found.heading_line, found.email) == (3, 1)


def test_a_column_is_named_by_its_heading_or_number() -> None:
    named = columns("連絡先", "担当", named={"連絡先": "email", 2: "属性.担当者"})
    assert (named.email, named.attributes, named.ignored) == (0, (("担当者", 1),), ())
    assert columns("email", "連絡先", named={"2": "email"}).email == 1  # said beats known
    assert columns("email", "連絡先", named={"2": "email"}).ignored == ("email",)


def test_a_file_without_headings_is_read_by_number_alone() -> None:
    assert reason("a@example.jp", "Tanaka") == "no_headings"
    assert reason("Tanaka <a@example.jp>", "x", has_headings=False) == "no_headings"
    found = columns("Tanaka", "a@example.jp", named={2: "email", 1: "name"}, has_headings=False)
    assert (found.email, found.name, found.headings, found.heading_line) == (1, 0, (), 0)


def test_without_a_known_heading_nothing_is_guessed() -> None:
    assert reason("名", "住所") == "no_address_column"
    with pytest.raises(BadTable) as refused:
        columns("名", "連絡先", rows=[["田中", "a@example.jp"]])
    assert refused.value.reason == "address_column_not_named"
    assert refused.value.facts | {"remedy": ""} == {
        "reason": "address_column_not_named", "column": 2, "heading": "連絡先", "remedy": "",
    }  # fmt: skip


def test_faults_of_headings_and_of_what_the_caller_says() -> None:
    assert reason("email", "メール") == "double_heading"
    assert reason("email", "attr.x", "属性.x") == "double_heading"
    assert reason("email", "attr.") == "bad_attribute"
    assert reason("email", "attr." + "x" * 65) == "bad_attribute"
    assert reason("email", named={"phone": "name"}) == "unknown_column"
    assert reason("email", named={7: "name"}) == "unknown_column"
    assert reason("email", "x", named={"x": "telephone"}) == "unknown_field"
    assert reason("a", "b", named={"a": "email", "b": "email"}) == "double_heading"


def test_the_heading_of_refusals_is_passed_over_in_each_language() -> None:
    assert columns("email", *headings.REFUSAL.values()).ignored == ()


# ── several addresses ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@x.jp;b@y.jp", ["a@x.jp", "b@y.jp"]),
        ("a@x.jp、b@y.jp，c@z.jp；d@w.jp", ["a@x.jp", "b@y.jp", "c@z.jp", "d@w.jp"]),
        ("a@x.jp\r\nb@y.jp\n\n c@z.jp ", ["a@x.jp", "b@y.jp", "c@z.jp"]),
        ("a@x.jp b@y.jp　ｃ＠ｚ．ｊｐ", ["a@x.jp", "b@y.jp", "ｃ＠ｚ．ｊｐ"]),
        ("Keiko <a@x.jp>, Taro ＜b@y.jp＞", ["Keiko <a@x.jp>", "Taro ＜b@y.jp＞"]),
        ("Keiko <a@x.jp> Taro <b@y.jp>", ["Keiko <a@x.jp>", "Taro <b@y.jp>"]),
        ('"Tanaka, Keiko" <a@x.jp>; b@y.jp', ['"Tanaka, Keiko" <a@x.jp>', "b@y.jp"]),
        ("Tanaka, Keiko <a@x.jp>", ["Tanaka, Keiko <a@x.jp>"]),
        ("a@x.jp <a@x.jp>", ["a@x.jp <a@x.jp>"]),
        ('"a,b;c"@x.jp', ['"a,b;c"@x.jp']),
        ("mailto:a@x.jp, MAILTO:b@y.jp", ["a@x.jp", "b@y.jp"]),
        ("a@x.jp; なし", ["a@x.jp", "なし"]),
        ("a@x.jp;", ["a@x.jp"]),
        ("\u200b\ufeffa@x.jp\u00a0", ["a@x.jp"]),
        (" ; 、\n", []),
        ("田中 a@x.jp", ["田中 a@x.jp"]),
    ],
)
def test_the_mailboxes_of_a_cell(text: str, found: list[str]) -> None:
    assert cells.read_mailboxes(text) == found


@given(st.text(st.sampled_from("a@x.jp;、, <>\"\\'＠＜＞\n\t　"), max_size=60))
def test_no_cell_of_addresses_is_lost_or_invented(text: str) -> None:
    found = cells.read_mailboxes(text)
    assert "".join(found).count("@") == text.replace("mailto:", "").count("@")
    assert all(mailbox.strip() for mailbox in found)


def test_a_cell_of_addresses_has_limits_and_is_read_in_linear_time() -> None:
    # F37
    with pytest.raises(RefusedCell, match="too_long"):
        cells.read_mailboxes("a@x.jp;" * 10_000)
    with pytest.raises(RefusedCell, match="too_many_addresses"):
        cells.read_mailboxes("@;" * 1_001)
    for hostile in ('"' * 19_999, "<" * 19_999, '"\\' * 9_999, "<>" * 9_999 + "x", '"\\' * 9_999 + "\\"):
        cells.read_mailboxes(hostile)


def test_names_of_mailboxes_come_with_them() -> None:
    assert [parse_mailbox(one)[0] for one in cells.read_mailboxes("Tanaka, Keiko <a@x.jp>; 太郎＜b@y.jp＞")] == [
        "Tanaka, Keiko", "太郎",
    ]  # fmt: skip


# ── small readings ──────────────────────────────────────────────────────────────────────────────


def test_states_in_words() -> None:
    for state, words in {
        "pending": ["pending", "Pending", "確認待ち", "確認待"], "confirmed": ["confirmed", "登録済み", "登録済", "CONFIRMED "],
        "unsubscribed": ["unsubscribed", "停止", "配信停止", "un-subscribed"], "": ["", "  "],
    }.items():  # fmt: skip
        assert {cells.read_state(word) for word in words} == {state}
    with pytest.raises(RefusedCell, match="bad_state"):
        cells.read_state("maybe")


def test_time_zones_in_words() -> None:
    for text, zone in {
        "Asia/Tokyo": "Asia/Tokyo", "asia/tokyo": "Asia/Tokyo", "日本時間": "Asia/Tokyo", "JST": "Asia/Tokyo", "": None,
        "America/New York": "America/New_York", "Ａｓｉａ／Ｔｏｋｙｏ": "Asia/Tokyo",
    }.items():  # fmt: skip
        assert cells.read_time_zone(text) == zone
    with pytest.raises(RefusedCell, match="bad_time_zone"):
        cells.read_time_zone("東京/アジア")


def test_languages_keep_their_order_and_stand_once() -> None:
    assert cells.read_languages("英語、JA_jp; en") == "en,ja-JP"
    with pytest.raises(RefusedCell) as refused:
        cells.read_languages("ja,ほげ語")
    assert refused.value.facts == {"value": "ほげ語"}


def test_text_is_trimmed_and_its_line_breaks_are_spaces() -> None:
    assert cells.read_name(" 田中\u3000恵子 \n（総務）\t") == "田中\u3000恵子 （総務）"
    assert cells.read_name("\ufeffA\u200b") == "A"
    for bad in ("a\x00b", "a\x1bb", "a\x7fb", "a\udc80b"):
        with pytest.raises(RefusedCell, match="control_character"):
            cells.read_name(bad)
    with pytest.raises(RefusedCell, match="too_long"):
        cells.read_name("x" * 201)


@given(st.text())
def test_the_guard_against_formulas_has_a_way_back(text: str) -> None:
    # F34
    guarded = cells.guard(text)
    assert guarded[:1] not in tuple("=+-@\t\r\n＝＋－＠")
    assert cells.unguard(guarded) == text or (not guarded.startswith("'") and guarded == text)


@given(st.from_regex(r"'{0,3}[=+\-@＝'a].{0,5}", fullmatch=True))
def test_apostrophes_of_peoples_own_survive_the_guard(text: str) -> None:
    assert cells.unguard(cells.guard(text)) == text
