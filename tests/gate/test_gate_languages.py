"""Languages: promised, translated, written anew, and alike in their facts. F14."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from mailer.composer import store
from mailer.composer.model import Finding, Issue, Severity
from subscribers.model import Actor
from tests.gate.writing import issue_of

Told = Callable[..., list[Finding]]
LATER = datetime(2034, 12, 21, tzinfo=UTC)
JA = "港の町から五人の書き手が集まり、来年の計画を半日かけて話し合いました。次の集いは春の初めに、山の上の小さな学校で開く予定です。みなさまのお越しを心からお待ちしています。"
EN = "Five writers from harbour towns met and talked for half a day about the plans of next year. The next meeting will be in early spring."


def codes(found: list[Finding]) -> list[tuple[str, str | None, str | None]]:
    return [(one.code, one.language, one.section) for one in found if one.severity is not Severity.NOTE]


# ── translated? ─────────────────────────────────────────────────────────────────────────────────


def test_japanese_in_the_english_text_holds_though_it_is_another_text(told: Told) -> None:  # F14
    other = "これは英語版のはずでしたが、まだ日本語のままの下書きです。" * 3
    assert ("untranslated", "en", None) in codes(told(ja=JA, en=other))


def test_english_in_the_japanese_text_holds(told: Told) -> None:  # F14
    assert ("untranslated", "ja", None) in codes(told(ja=EN * 2, en=f"{EN} And more."))


def test_two_files_that_were_exchanged_are_told_of_both(told: Told) -> None:  # F14
    found = codes(told(ja=EN * 2, en=JA * 2))
    assert {("untranslated", "ja", None), ("untranslated", "en", None)} <= set(found)


def test_a_paragraph_left_in_japanese_is_quoted(told: Told) -> None:  # F14
    left = "この段落はまだ訳していませんので、あとで直してください。"
    (found,) = told(ja=f"{JA}\n\n{left}", en=f"{EN}\n\n{left}", only="section_untranslated")
    assert (found.where, found.facts["fragments"]) == ("en.md, #one", (left,))


def test_a_heading_left_in_japanese_is_quoted(told: Told) -> None:  # F14
    english = f"# News {{#one}}\n\n{EN}\n\n## 三つのお願い\n\n{EN}\n"
    (found,) = told(
        issue_of({"ja": f"# 今月 {{#one}}\n\n{JA}\n", "en": english}), only="section_untranslated"
    )
    assert found.facts["fragments"] == ("三つのお願い",)


@pytest.mark.parametrize(
    "text",
    [
        f"{EN} The book is called 『港の猫とその町の人々の物語』.",
        f"{EN}\n\n> 五月雨を集めて早し最上川",
        f"{EN}\n\nNatsume Soseki (夏目漱石), Kokoro (『こころ』), and their readers.",
    ],
)
def test_japanese_names_and_a_short_quotation_in_english_are_no_leftovers(told: Told, text: str) -> None:
    assert codes(told(ja=JA, en=text)) == []


def test_an_address_in_both_languages_is_no_leftover(told: Told) -> None:
    address = "Harbour Cities Network, 1-2-3 Umibe-dori, Naka-ku, Yokohama 000-0000"
    assert codes(told(ja=f"{JA}\n\n{address}", en=f"{EN}\n\n{address}")) == []


# ── written anew? ───────────────────────────────────────────────────────────────────────────────

ABOUT = "事務局は平日の朝から夕方まで開いています。ご用の方は、どの曜日でもお気軽にお立ち寄りください。駐車場はありませんので、路面電車かバスをお使いください。みなさまのお越しを、お茶を用意してお待ちしています。"


def monthly(slug: str, month: int, ja: str, en: str, **more: Any) -> Issue:
    lead = more.pop("lead", "")
    texts = {"ja": f"{lead}\n\n# 今月 {{#news}}\n\n{ja}\n", "en": f"# This month {{#news}}\n\n{en}\n"}
    texts["ja"] += f"\n# 事務局 {{#about}}\n\n{ABOUT}\n" if more.pop("about", False) else ""
    subjects = {"ja": f"{month}月号", "en": f"Issue {month}"} | more.pop("subjects", {})
    return issue_of(texts, slug=slug, day=date(2034, month, 20), subjects=subjects, **more)


def test_one_language_that_is_wholly_last_months_holds_and_is_named(
    told: Told, sent: Callable[[Issue], None]
) -> None:  # F14
    sent(monthly("a", 11, JA, EN))
    found = told(monthly("b", 12, f"{JA}新しい話。", EN))
    assert ("unchanged", "en", None) in codes(found)
    assert ("section_unchanged", "en", "news") not in codes(found)  # said already


def test_a_section_of_last_month_is_told_and_a_standing_one_is_not(
    told: Told, sent: Callable[[Issue], None]
) -> None:
    sent(monthly("a", 10, "十月の話です。", "October.", about=True))
    sent(monthly("b", 11, JA, f"November. {EN}", about=True, lead="霜月"))
    found = told(monthly("c", 12, JA, f"December. {EN}", about=True, lead="師走"))
    assert ("section_unchanged", "ja", "news") in codes(found)
    assert ("section_unchanged", "ja", "about") not in codes(found)


def test_the_subject_of_last_month_is_told(told: Told, sent: Callable[[Issue], None]) -> None:
    sent(monthly("a", 11, "十一月の話です。", "November."))
    found = told(monthly("b", 12, "十二月の話です。", "December.", subjects={"ja": "11月号"}))
    assert ("subject_unchanged", "ja", None) in codes(found)
    assert ("subject_unchanged", "en", None) not in codes(found)


def test_the_text_of_another_newsletter_may_be_the_same(told: Told, sent: Callable[[Issue], None]) -> None:
    sent(monthly("a", 11, JA, EN, newsletter="staff"))
    assert not {"unchanged", "section_unchanged"} & {one.code for one in told(monthly("b", 12, JA, EN))}


def test_a_text_not_looked_at_since_the_other_changed_is_told(
    told: Told, sqlite: Engine, keiko: Actor
) -> None:
    before = issue_of({"ja": f"# 今月 {{#news}}\n\n{JA}\n", "en": f"# News {{#news}}\n\n{EN}\n"})
    after = issue_of(
        {"ja": f"# 今月 {{#news}}\n\n{JA}追って書きます。\n", "en": f"# News {{#news}}\n\n{EN}\n"}
    )
    with sqlite.begin() as connection:
        for issue in (before, after):
            store.save(connection, replace(issue, files={}), {}, by=keiko, now=LATER)
    (found,) = told(after, only="translation_stale")
    assert (found.language, found.section, found.facts["languages"]) == ("en", "news", ("ja",))


# ── alike? ──────────────────────────────────────────────────────────────────────────────────────

SAME = [
    ("52人が集まりました。", "Fifty-two people came."),
    ("五十二人が集まりました。", "In all 52 people came."),
    ("九つの町から3万5千円。", "From nine towns, 35,000 yen."),
    ("1億2000万円、20％、2割。", "120 million yen, 20 per cent, a fifth of it."),
    ("午後2時から5時半まで。", "From 2 to 5:30 p.m."),
    ("14:00開始、正午締切、昼に休憩。", "It begins at 2 p.m.; apply by noon."),
    ("第7回、7月号、第3木曜。", "The seventh, the July issue, the third Thursday."),
    ("電話 045-000-0000、〒231-0001。", "Telephone +81 45 000 0000, postcode 231-0001."),
    ("1月31日（水）まで。", "Until Wednesday 31 January."),
    ("令和17年1月31日です。", "It is 31 January 2035."),
    ("11月14日から16日、18日。", "From 14 to 16 November, and on the 18th of November."),
    ("9時から17時。午前4時と6時。", "It is open 9–5. At four; by six."),
    ("昭和45年から。一つの町、2階です。", "Since 1970. A town, on the first floor."),
    ("A4判、G7、第2次計画（COVID-19後）。", "A4 size, G7, the second plan (after COVID-19)."),
    ("10年、100年、半年、2週間。", "A decade, a century, six months, a fortnight."),
    ("20代の2人と、10代の3人。", "Two people in their twenties and three teenagers."),
    ("2次元コードを使い、1人ひとりに。", "With a QR code, for everybody."),
    ("2034年度は約3.5倍でした。", "In fiscal 2034–35 it was about 3.5 times as much."),
    ("[ウェブ](https://a.example/2035/55)を見る。", "[See it](https://a.example/2035/77) on the web."),
    ("3億2,000万円と1億2千万円。", "320 million yen, and 120 million yen."),
    (
        "10億円、2兆円、5千万円、2億3千4百万円。",
        "A billion yen, two trillion yen, 50 million yen, 234 million yen.",
    ),
    ("講演は1時間半、見学は2時間半です。", "A talk of 1½ h and a tour of two and a half hours."),
    ("講演は1時間半です。", "A talk of 90 minutes."),
    ("1月5・6日（金・土）に開きます。", "On 5 and 6 January (Fri and Sat)."),
    ("6,7月に開きます。", "In June and July."),
]

UNLIKE = [
    ("number_differs", "52人が集まりました。", "Fifty-three people came."),
    ("number_differs", "九つの町です。", "There are ten towns."),
    ("number_differs", "参加費は3,000円です。", "The fee is 300 yen."),
    ("number_differs", "午後2時に始まります。", "It begins at 3 p.m."),
    ("number_differs", "電話 045-000-0000。", "Telephone +81 45 000 0001."),
    ("number_differs", "2月の研修です。", "The course in March."),
    ("number_differs", "10時30分に始まります。", "It begins at 10:00."),
    ("number_differs", "3億2,000万円です。", "It is 310 million yen."),
    ("number_differs", "1億2千万円です。", "It is 12 million yen."),
    ("number_differs", "2½時間です。", "It takes 3½ hours."),
    ("number_differs", "6,7月に開きます。", "In June and August."),
    ("date_differs", "1月15・16日に開きます。", "On 15 and 17 January."),
    ("date_differs", "1月31日まで。", "Until 30 January."),
    ("date_differs", "2035年1月26日です。", "It is 26 January 2036."),
    (
        "date_differs",
        "1月31日まで募集します。どうぞお越しください。",
        "We are looking for people. Please come and see us here.",
    ),
    (
        "number_differs",
        "定員は30人です。どうぞお越しください。",
        "There are places left. Please come and see us here.",
    ),
]


@pytest.mark.parametrize(("ja", "en"), SAME)
def test_the_same_fact_in_two_manners_is_no_difference(told: Told, ja: str, en: str) -> None:
    found = told(ja=ja, en=en)
    assert [(one.code, dict(one.facts)) for one in found if one.severity is not Severity.NOTE] == []


@pytest.mark.parametrize(("code", "ja", "en"), UNLIKE)
def test_a_fact_that_differs_is_told_once(told: Told, code: str, ja: str, en: str) -> None:
    assert codes(told(ja=ja, en=en)) == [(code, "en", "one")]


def test_a_short_summary_in_english_may_leave_out_numbers(told: Told) -> None:
    ja = "会場には52人が集まり、14の町が発表しました。次の会は5月12日に、山の上の学校で開きます。参加費は800円です。"
    assert codes(told(ja=ja, en="We met and talked.")) == []
    assert codes(told(ja=ja, en="We met; 53 came.")) == [("number_differs", "en", "one")]


def test_what_is_missing_in_one_language_is_counted(told: Told) -> None:
    ja = '![港](images/a.png "朝")\n\n[報告を読む](https://a.example/) と [地図](https://a.example/m)'
    (found,) = told(ja=ja, en="[The report](https://a.example/)", only="counts_differ")
    assert found.facts["kinds"] == ("figures", "captions", "links")
    assert (found.facts["counts"], found.facts["theirs"]) == ((0, 0, 1), (1, 1, 2))


def test_an_event_at_two_times_is_told(told: Told) -> None:
    def event(start: str, end: str, title: str) -> str:
        return f'::: event {title} {{start="{start}" end="{end}"}}\n- 場所: 海\n:::'

    ja = event("2035-02-18 14:00", "17:00", "集い")
    assert codes(told(ja=ja, en=event("2035-02-18 14:00", "17:00", "Meeting"))) == []
    assert codes(told(ja=ja, en=event("2035-02-19 14:00", "17:00", "Meeting"))) == [
        ("event_differs", "en", "one")
    ]
    (found,) = told(ja=ja, en=event("2035-02-18 14:00", "16:00", "Meeting"))
    assert found.facts["reason"] == "end"


def test_one_file_with_two_last_days_holds_and_without_one_is_told(told: Told) -> None:
    def link(until: str) -> str:
        return f"[File](files/a.pdf){until}"

    (found,) = told(ja=link("{until=2035-01-31}"), en=link("{until=2035-02-28}"))
    assert (found.code, found.severity, found.language) == ("until_differs", Severity.ERROR, "en")
    (found,) = told(ja=link("{until=2035-01-31}"), en=link(""))
    assert (found.code, found.language) == ("until_missing", "en")
    (found,) = told(ja=link(""), en=link("{until=2035-01-31}"))
    assert (found.code, found.language) == ("until_missing", "ja")


def test_sections_in_another_order_are_compared_by_their_keys(told: Told) -> None:
    ja = "# 一 {#a}\n\n52人\n\n# 二 {#b}\n\n17か所\n"
    en = "# Two {#b}\n\nSeventeen places in all.\n\n# One {#a}\n\nFifty-two people.\n"
    assert codes(told(issue_of({"ja": ja, "en": en}))) == []


ENGLISH = (
    "# One {#one}\n\n" + "The harbour cities meet again in spring and plant trees along the old canal. " * 4
)
JAPANESE = "# ひとつ {#one}\n\n" + "港の町は春にまた集まり、古い運河に沿って木を植えます。" * 4


@pytest.mark.parametrize("order", [("ja", "en", "ar"), ("ja", "ar", "en")])
def test_a_copy_of_any_other_language_is_told_of_the_language_it_is_not(
    told: Told, order: tuple[str, ...]
) -> None:  # F14: ar.md was en.md, and only the default language was compared
    words = {"ja": JAPANESE, "en": ENGLISH, "ar": ENGLISH}
    (one,) = told(issue_of({language: words[language] for language in order}), only="untranslated")
    assert (one.language, one.facts["other"]) == ("ar", "en")


@pytest.mark.parametrize("language", ["ar", "zh-Hant", "ko", "ja"])
def test_a_text_without_letters_of_its_own_script_is_told(told: Told, language: str) -> None:
    other = "# One {#one}\n\n" + "We wrote this text anew and left it in the wrong language by accident. " * 5
    first = {"en": ENGLISH, language: other}
    assert [one.language for one in told(issue_of(first), only="untranslated")] == [language]
    short = {"en": ENGLISH, language: "# One {#one}\n\nHarbour Cities Network"}
    assert told(issue_of(short), only="untranslated") == []


def test_an_address_is_in_no_language(told: Told) -> None:
    link = "https://harbour.example/" + "reports-of-the-harbour-cities-network/and-of-all-who-were-there/" * 3
    assert told(ja=f"港のこと\n\n{link}", en=f"Of the harbour\n\n{link}", only="section_untranslated") == []
    assert told(ja=link, en=link, only="section_untranslated") == []
