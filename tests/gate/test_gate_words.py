"""What is told of words, marks, links and days, and what is left in peace. F14 is in test_gate_languages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailer.composer.model import Finding, Severity

Told = Callable[..., list[Finding]]
Rows = list[tuple[str, str, list[str], list[str]]]

# (code, language, what is told, what beside it is innocent)
MARKS: Rows = [
    (
        "full_width_marks",
        "ja",
        [
            "＃　三つの約束\n\n本文です。",
            "＃＃ 三つの約束\n\n本文です。",
            "ここが＊＊大切＊＊です。",
            "［報告を読む］（https://harbour.example/r/）をどうぞ。",
            "[報告を読む]（https://harbour.example/r/）をどうぞ。",
            "！［港］（images/a.png）",
            "！[港](images/a.png)",
            "![港の様子］(images/a.png)",
            "｜日｜所｜\n｜－｜－｜\n｜1日｜港｜",
            "：：： note お休み\n\n一日から。\n\n：：：",
        ],
        [
            "＊印は要予約です。［図1］（上）をご覧ください。",
            "＃みなと便り をつけて投稿してください。",
            "＊　＊　＊",
            "＊＊＊お知らせ＊＊＊",
            "［追記］（12月20日）",
            "★＊クリスマス＊★",
            "受付：：なし",
            "港｜町｜海",
            "｜ご案内｜",
        ],
    ),
    (
        "markdown_left",
        "ja",
        [
            "[報告を読む] (https://harbour.example/r/)をどうぞ。",
            "ここが** 大切 **です。",
            "ここが**大切です。",
            "~~中止~~です。",
            "| 日 | 催し |\n| 1日 | 市 |",
        ],
        ["評価は★★☆です。", "会場参加**\n\n- 手話あり\n\n** 要申し込み", "合計は2*3*4です。", "名前：____", "[1] (2034年)"],
    ),
    (
        "markdown_left",
        "en",
        [
            "See [the report] (https://harbour.example/r/).",
            "This is ** very ** good.",
            "![The harbour] (images/a.png)",
            "See [the report](https://harbour.example/r h/).",
            "See the report](https://harbour.example/r).",
            "A *very good day** it was.",
        ],
        ["Rated * and ** by the jury.", "As in Sato [3] (2031), it rains.", "Name: ______", "snake_case_words and __init__ stay.", "Adults *1 and pupils *2 pay**.", "A list[0](see below) and [1](https://harbour.example/a) of it."],
    ),
    (
        "heading_jump",
        "ja",
        ["**三つの約束**\n\n町ごとに決めました。", "＃三つの約束\n\n町ごとに決めました。"],
        ["**入場は無料です。**\n\nどなたでもどうぞ。", "**定員：30人**\n\n先着順です。", "**大切**なお知らせ\n\n本文です。", "本文です。\n\n**みなと便り**"],
    ),
    ("heading_empty", "en", ["Text.\n\n## Where to go\n\n## What to bring\n\nA hat."], ["## Where to go\n\n![The hall](images/a.png)"]),
]  # fmt: skip

WORDS: Rows = [
    (
        "dummy_text",
        "ja",
        ["ここに本文が入ります。", "ダミーテキストです。", "TODO: 山田さんに聞く", "Lorem ipsum dolor sit amet"],
        ["ダミー人形を使った救命講習です。",
            "ここに写真が飾られ、アルバムには写真が入ります。",
            "TODOリストを作る講座です。", "ここにURLを貼り付けて使います。", "ここに写真を貼りましょう。", "To do（すること）を書き出します。"],
    ),
    (
        "dummy_text",
        "en",
        ["Lorem ipsum dolor sit amet.", "TODO: ask Ms Sato", "[insert date here]", "Your text here"],
        ["“We waited,” said [name withheld].", "Make a TODO list, or a todo list.", "Insert the key here and turn it.", "Your name here counts."],
    ),
    (
        "placeholder_text",
        "ja",
        ["講師は〇〇先生です。", "○月○日に開きます。", "会場は●●ホールです。", "XXX円です。", "日時：TBD", "金額は要確認です。", "【仮】夏の集い"],
        ["■■ お知らせ ■■", "○ 参加できます", "新港ホール（仮称）で開きます。", "第XXX回記念ではありません。"][:3],
    ),
    (
        "placeholder_text",
        "en",
        ["The fee is XXX yen.", "Venue: TBC", "What comes next???"],
        ["Size XXL is sold out.", "Super Bowl XXXVI was long ago.", "Is that so?!"],
    ),
    (
        "pasted_chrome",
        "ja",
        ["シェアする", "メニュー", "iPhoneから送信", "配信停止はこちらから", "[cid:image001.png@01D]", "このページはクッキー&amp;nbsp;を使います。"],
        ["当店のメニューをご紹介します。", "SNSでシェアしてください。", "会員ページにログインしてご覧ください。", "配信停止の手続きを四月から簡単にし、一度押すだけで止まるように作り直しましたのでご安心ください。"],
    ),
    (
        "pasted_chrome",
        "en",
        ["Share on Facebook", "Skip to content", "View in browser", "Sent from my iPhone", "-----Original Message-----", "Unsubscribe"],
        ["Please share this letter with a friend who loves harbours.", "The menu of the café has changed.", "The view in autumn is best."],
    ),
    (
        "latin_in_katakana",
        "ja",
        ["ワークショッpを開きます。", "夏のカウンセリンg", "アルミ二ウムの舟です。", "サ一ビスを始めます。", "コンサ-トを開きます。", "プ口グラムです。", "サーvィスを始めます。"],
        [
            "JリーグのサッカーTシャツです。", "プランAコースとタイプBの部屋。", "ビタミンCとEメール。", "口コミサイトで話題です。", "コップ二つとカップ三つ。",
            "ネットワーク力アップ講座。", "参加チーム二チーム。", "リフォーム工事です。", "パターンaの場合。", "カナダへブラジルから。", "オンラインNPOセンター。",
        ],
    ),
    ("half_width_katakana", "ja", ["ﾈｯﾄﾜｰｸの集いです。"], ["ネットワークの集いです。", "「港」"]),
    (
        "invisible_character",
        "ja",
        ["港の\u200b町です。", "港の\u00a0町です。", "\u2060港の町です。"],
        ["港の　町です。", "家族👨\u200d👩\u200d👧です。", "葛\U000e0100城市です。"],
    ),
    (
        "invisible_character",
        "en",
        ["The\u00a0harbour town.", "The har\u00adbour town.", "The\u200b harbour."],
        ["It is 12\u00a0km long.", "Dr.\u00a0Sato spoke.", "See page\u00a07."],
    ),
    ("invisible_character", "fr", ["Le\u200b port."], ["Le port\u00a0: « la mer\u00a0»"]),
    ("replacement_character", "ja", ["港の\ufffd町です。"], ["港の町です。"]),
    ("mojibake", "ja", ["縺薙ｓ縺ｫ縺｡縺ｯ"], ["繧という字は珍しい。"]),
    ("mojibake", "en", ["The cafÃ© is open.", "It isnâ€™t far."], ["The café is open.", "São Paulo, Ångström, À la carte"]),
    (
        "word_doubled",
        "en",
        ["We read the the letter.", "It belongs to to us."],
        ["I know that that is so.", "We had had enough.", "A a-b-c book."],
    ),
    (
        "word_doubled",
        "ja",
        ["手紙をを読みます。", "来ます。。どうぞ。", "港、、町。"],
        ["ますます、のものの、ははは。", "そうですか。。。", "もののけと国にに近い話。"],
    ),
    (
        "name_spelt_twice",
        "en",
        [
            "We met in Yokohama. The people of Yokohama, and of Yokohoma too, came.",
            "The Harbour Cities Network wrote. The Harbor Cities Network answered.",
            "We thank Ms Takahashi. Later Ms Takahasi spoke.",
        ],
        [
            "We met Ms Yamada of Yamaha in Minato Ward and Minami Ward.",
            "In winter the Winter Market opens; the winner of the Winner Prize speaks.",
            "Ms Nakamura and Mr Nakayama met Hiroshi in Hiroshima; Italians came from Italy.",
            "On Monday, Sunday and Friday we met in Hakodate and in Hakata.",
            "We visited Naganuma, then Nagahama, with Mr Matsuda and Ms Masuda.",
        ],
    ),
    (
        "name_spelt_twice",
        "ja",
        ["サーバーを替えます。サーバが古いので。", "コミュニティの集い。コミュニティーの輪。", "マネージャーとマネジャー。", "シミュレーションとシュミレーション。"],
        ["ビルとビール。カバとカバー。", "プログラムとプログラマー。", "リーダーとレーダー。スタートとスカート。", "イノベーションとリノベーション。", "デザインとデザイナー。コーディネーターとコーディネート。"],
    ),
]  # fmt: skip

LINKS: Rows = [
    (
        "dead_link",
        "en",
        [f"[The report]({url})" for url in ("", "#", "http://", "https://", "https://localhost:8000/a", "https://127.0.0.1/", "http://printer.local/", "http://192.168.0.10/a", "http://intranet/a", "https://site.test/", "https://x.invalid/", "https://harbour.example/xxx", "TODO", "URL", "mailto:", "mailto:a@office.local", "mailto:info@", "mailto:xxx@xxx.xx", "mailto:office")],
        ["[The report](https://harbour.example/report)", "[Write](mailto:office@harbour.example)", "[Test](https://latest.example/test/)", "[Call](tel:+81450000000)", "[Tell a friend](mailto:?subject=Harbour)", "[Write](mailto:a@harbour.example?subject=x.y)"],
    ),
    ("dead_link", "ja", ["[報告](ここにURL)", "[報告](https://…)", "[報告](〇〇)", "[報告](後日掲載)", "[報告](準備中)"], ["[報告](https://港.example/報告)"]),
    (
        "placeholder_link",
        "en",
        ["[The report](https://example.com/dummy)", "[The report](https://www.example.com/foo/)"],
        ["[The report](https://example.org/report)", "[Food](https://example.com/food)", "[Samples](https://dyeing.example/sample/)"],
    ),
    ("placeholder_link", "ja", ["[報告](https://harbour.example/○○○)"], ["[報告](https://harbour.example/a?丸=○)"]),
    (
        "link_text_empty_words",
        "ja",
        ["報告は[こちら](https://harbour.example/a)。", "[詳細はこちら ＞](https://harbour.example/a){.button}", "[ここをクリック](https://harbour.example/a)",
            "[コチラ](https://harbour.example/a)", "[ココ](https://harbour.example/a)", "[▶︎詳しくはこちら](https://harbour.example/a)", "[続きを読む](https://harbour.example/a)"],
        ["[報告を読む](https://harbour.example/a)", "[こちらの報告を読む](https://harbour.example/a)", "https://harbour.example/a"],
    ),
    (
        "link_text_empty_words",
        "en",
        ["For the report click [here](https://harbour.example/a).", "[Read more](https://harbour.example/a)", "[click here to read](https://harbour.example/a)", "[Click here to register](https://harbour.example/a)", "https://harbour.example/a/very/long/address/that/nobody/reads"],
        ["[Read the report](https://harbour.example/a)", "[More about the harbour](https://harbour.example/a)", "[Click here to read the report](https://harbour.example/a)"],
    ),
    ("same_words_two_links", "en", ["[Programme](https://harbour.example/a) [Programme](https://harbour.example/b)"], ["[Programme](https://harbour.example/a) [Programme](https://harbour.example/a)"]),
]  # fmt: skip

PICTURES: Rows = [
    (
        "alt_says_nothing",
        "ja",
        ["![写真](images/a.png)", "![画像１](images/a.png)", "![IMG_0012.jpg](images/a.png)", "![＊](images/a.png)"],
        ["![写真を見る子どもたち](images/a.png)", "![図書館](images/a.png)", "![](images/a.png \"港\"){alt=caption}"],
    ),
    (
        "alt_says_nothing",
        "en",
        ["![photo](images/a.png)", "![An image](images/a.png)", "![image1](images/a.png)", "![DSC_0012](images/a.png)", "![harbour.jpeg](images/a.png)"],
        ["![Photo of the harbour](images/a.png)", "![Logo](images/a.png)", "![Pictures on a wall](images/a.png)"],
    ),
]  # fmt: skip

DAYS: Rows = [
    (
        "weekday_wrong",
        "ja",
        ["1月31日（火）に開きます。", "２０３５年１月３１日（火）です。", "令和17年1月31日火曜日です。", "11月14日（火）から16日（水）まで。"],
        ["1月31日（水）に開きます。", "2月11日（日・祝）です。", "昨年の1月31日（火）に開きました。", "2034年1月31日（火）に開き、2月1日（水）に閉じました。", "1月4日土産物市。"],
    ),
    (
        "weekday_wrong",
        "en",
        ["On Tuesday 31 January.", "Tue, Jan 31", "From Monday 14 to Thursday 16 November.", "Tuesday, January 31st, 2035"],
        ["On Wednesday 31 January.", "Wed 31 Jan.", "Last year on Tuesday 31 January.", "We sat until 3 in the sun 4 March."],
    ),
    (
        "date_styles",
        "en",
        ["It begins on 31 January 2035 and ends on February 3, 2035."],
        ["It begins on 31 January and ends on 3 Feb. 2035.", "In May 2035, on 3 May.", "| Day | What |\n|---|---|\n| Feb 3 | Meeting |\n\nSee you on 3 February."],
    ),
    (
        "date_styles",
        "ja",
        ["2035年1月31日に始まり、2035/2/3に終わります。", "令和17年1月31日から2035年2月3日まで。"],
        ["令和17年1月31日から2月3日まで。", "2035年（令和17年）1月31日から2月3日。", "三分の二、2/3の町。2月3日。", "| 日 | 催し |\n|---|---|\n| 2/3（土） | 集い |\n\n2月3日に会いましょう。"],
    ),
    (
        "link_ended",
        "en",
        ["[Guide](files/a.pdf){until=2034-12-01}"],
        ["[Guide](files/a.pdf){until=2034-12-20}", "[Guide](files/a.pdf){until=2035-01-31}"],
    ),
    (
        "date_disagrees",
        "ja",
        [
            "手引きは2月28日までダウンロードできます。\n\n[小さな手引き](files/a.pdf){until=2035-01-31}",
            "期間限定（2月28日まで）で公開します。\n\n[小さな手引き](files/a.pdf){until=2035-01-31}",
            "[小さな手引き（2月28日まで）](files/a.pdf){until=2035-01-31}",
            "申し込みは1月20日まで、録画の視聴は2月28日までです。\n\n[録画](https://video.example/a){until=2035-01-31}",
            "資料の公開期間：12月20日〜2月28日\n\n[会議の資料](files/a.pdf){until=2035-01-31}",
            "[会議の資料](files/a.pdf){until=2035-01-31}\n\n資料は2月末まで公開しています。",
            "[会議の資料](files/a.pdf){until=2035-01-31}\n\n資料は２月いっぱいご覧いただけます。",
            "[会議の資料](files/a.pdf){until=2035-01-31}\n\n公開期間は12月18日から2月18日までです。",
            "[会議の資料](files/a.pdf){until=2035-01-31}\n\n上の資料は1月30日（火）17時で閉じます。",
        ],
        [
            "手引きは1月31日（水）までダウンロードできます。\n\n[小さな手引き](files/a.pdf){until=2035-01-31}",
            "申し込みは2月28日までです。\n\n[小さな手引き](files/a.pdf){until=2035-01-31}",
            "庭の一般公開は2月28日までです。\n\n[雨の庭の手引き](files/a.pdf){until=2035-01-31}",
            "展覧会は2月28日まで開催し、図録は会場で読めます。\n\n[図録の見本](files/a.pdf){until=2035-01-31}",
            "録画は2月28日まで視聴できます。\n\n[録画を見る](https://video.example/a)\n\n[発表資料](files/a.pdf){until=2035-01-31}",
            "手引きは12月1日に公開しました。\n\n[小さな手引き](files/a.pdf){until=2035-01-31}",
            "応募用紙は2月28日必着です。\n\n[応募用紙](files/a.pdf){until=2035-01-31}",
            "地図は1月31日まで、写真集は2月28日まで公開します。\n\n[港の地図](files/a.pdf){until=2035-01-31}\n\n[港の写真集](files/b.pdf){until=2035-02-28}",
            "手引きは2月28日まで配布します。\n\n[小さな手引き](files/a.pdf)",
            "[会議の資料](files/a.pdf){until=2035-01-31}\n\n資料は1月末まで公開しています。",
            "[会議の資料](files/a.pdf){until=2035-01-31}\n\n資料は1月いっぱいご覧いただけます。",
            "[会議の資料](files/a.pdf){until=2035-01-31}\n\n資料館は12月28日で閉じます。庭の公開期間は2月末までです。",
            "[会議の資料](files/a.pdf){until=2035-01-31}\n\n図書館は1月30日（火）17時で閉じます。申し込みは2月末までです。",
        ],
    ),
    (
        "date_disagrees",
        "en",
        [
            "You can download the guide until 28 February.\n\n[A small guide](files/a.pdf){until=2035-01-31}",
            "The recording can be watched through February 28, 2035.\n\n[Recording](https://video.example/a){until=2035-01-31}",
            "[A small guide (until 28 February)](files/a.pdf){until=2035-01-31}",
            "Apply by 20 January, and download the guide until 28 February.\n\n[A small guide](files/a.pdf){until=2035-01-31}",
            "[A small guide](files/a.pdf){until=2035-01-31}\n\nThe guide is available until the end of February.",
            "[A small guide](files/a.pdf){until=2035-01-31}\n\nThe link closes on Tuesday 30 January.",
            "[A small guide](files/a.pdf){until=2035-01-31}\n\nAvailable online until 28/02/2035.",
        ],
        [
            "You can download the guide until Wednesday, 31 January.\n\n[A small guide](files/a.pdf){until=2035-01-31}",
            "Apply by 28 February.\n\n[A small guide](files/a.pdf){until=2035-01-31}",
            "The rain garden is open until 28 February.\n\n[A small guide to rain gardens](files/a.pdf){until=2035-01-31}",
            "The exhibition is open until 28 February.\n\n[Guide to the exhibition](files/a.pdf){until=2035-01-31}",
            "Tickets are available online until 28 February.\n\n[Programme](files/a.pdf){until=2035-01-31}",
            "Send the form by 28 February.\n\n[Application form](files/a.pdf){until=2035-01-31}",
            "[A small guide](files/a.pdf){until=2035-01-31}\n\nThe guide is available until the end of January 2035.",
            "[A small guide](files/a.pdf){until=2035-01-31}\n\nAvailable online until 31/01/2035, until 05/02/2035 for members.",
            "[A small guide](files/a.pdf){until=2035-01-31}\n\nThe museum is open until the end of February, and closes on 1 March.",
        ],
    ),
]  # fmt: skip

ALL = [*MARKS, *WORDS, *LINKS, *PICTURES, *DAYS]
FAULTY = [(code, language, text) for code, language, faulty, _ in ALL for text in faulty]
INNOCENT = [(language, text) for _, language, _, innocent in ALL for text in innocent]


@pytest.mark.parametrize(("code", "language", "text"), FAULTY)
def test_what_would_embarrass_is_told_with_its_place(told: Told, code: str, language: str, text: str) -> None:
    found = [one for one in told(**{language: text}) if one.severity is not Severity.NOTE]
    assert code in {one.code for one in found}
    assert all(one.where.startswith(f"{language}.md") for one in found)
    one = next(one for one in found if one.code == code)
    assert one.section == "one" or one.where == f"{language}.md"
    errors = {other.code for other in found if other.severity is Severity.ERROR} - {code}
    assert not errors  # one fault, one error


@pytest.mark.parametrize(("language", "text"), INNOCENT)
def test_what_only_looks_like_it_is_left_in_peace(told: Told, language: str, text: str) -> None:
    assert [
        (one.code, dict(one.facts)) for one in told(**{language: text}) if one.severity is not Severity.NOTE
    ] == []


def test_a_preheader_that_names_a_file_with_another_last_day_holds(told: Told) -> None:
    text = "[雨の庭の手引き](files/a.pdf){until=2035-01-31}"
    assert told(ja=text, subjects={"ja": "雨の庭の手引き（2月28日まで）"}, only="date_disagrees")[
        0
    ].where.endswith("ja.subject")
    assert not told(ja=text, subjects={"ja": "雨の庭の手引き（1月31日まで）"}, only="date_disagrees")
    assert not told(ja=text, subjects={"ja": "冬の集い（申込は2月28日まで）"}, only="date_disagrees")


def test_many_of_one_kind_are_one_finding_with_its_fragments(told: Told) -> None:
    (found,) = told(
        ja="[こちら](https://a.example/1) [ここ](https://a.example/2) [詳細](https://a.example/3)"
    )
    assert found.facts["fragments"] == ("こちら", "ここ", "詳細")


@pytest.mark.parametrize(("signs", "code"), [(30, None), (45, "subject_long"), (90, "subject_too_long")])
def test_a_subject_is_judged_by_its_width(told: Told, signs: int, code: str | None) -> None:
    found = [one.code for one in told(ja="本文です。", subjects={"ja": "長" * signs})]
    assert found == ([code] if code else [])


def test_an_address_is_quoted_as_it_was_typed(told: Told) -> None:
    (found,) = told(ja="[報告](後日掲載)")
    assert found.facts["url"] == "後日掲載"


def test_marks_in_a_subject_are_printed_whatever_they_do_in_a_text(told: Told) -> None:
    (found,) = told(ja="本文です。", subjects={"ja": "**速報** 港の会議"})
    assert (found.code, found.where) == ("markdown_left", "issue.toml: edition.ja.subject")


def test_an_address_in_a_mark_that_did_not_work_is_told_once(told: Told) -> None:
    address = "https://harbour.example/reports/2034/of-the-spring-meeting"
    found = {
        one.code
        for one in told(ja=f"［報告を読む］（{address}）をどうぞ。", en=f"See [the report] ({address}).")
    }
    assert "link_text_empty_words" not in found
    assert {one.code for one in told(en=f"See {address} today.")} == {"link_text_empty_words"}
