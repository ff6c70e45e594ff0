"""Letters that are harder than what an office sends: twelve sections with 24 pictures, and one with every unkind thing.

`twelve` is long and well behaved (its weight counts); `worst` holds each block, words and addresses without a place
to break, crowded tables, things inside things (its layout counts).
"""

from __future__ import annotations

from dataclasses import replace

from mailer.composer.model import Issue, IssueText, Section, SectionText

PICTURES = ("boats", "crane", "ferry", "forum", "garden", "light", "market", "hero")

_SENTENCES = {
    "ja": "港湾、防災、公園、観光と、ふだんは別々の窓口で働く人たちが同じ円を囲み、それぞれの町の図面を広げて話し合いました。"
    "うまくいかなかった三か所についても、理由と直し方を載せました。",
    "en": "People who otherwise work behind different counters, from ports, flood control, parks and tourism, sat in one circle "
    "and spread out the plans of their towns. Of the three that did not work we print the reasons and the repair.",
    "ar": "اجتمع حول طاولة واحدة من يعملون عادة خلف نوافذ مختلفة، من الموانئ والحماية من الفيضانات والحدائق والسياحة، "
    "ونشروا خرائط مدنهم. ونذكر كذلك أسباب ما لم ينجح وطريقة إصلاحه.",
}
_TITLES = {
    "ja": "水辺のまち実務者会議を横浜で開きました",
    "en": "Waterfront practitioners met in Yokohama",
    "ar": "لقاء المختصين بالواجهات المائية في يوكوهاما",
}
_LONG = {
    "ja": "ドナウ川汽船電気事業本工場工事部門下級官吏組合ドナウキセンデンキジギョウホンコウジョウコウジブモンカキュウカンリクミアイ",
    "en": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "ar": "فأسقيناكموهاوالمستقبليينالمتخصصينبالواجهاتالمائيةوالموانئالصغيرة",
}
_URL = (
    "https://www.harbour-cities.example/en/reports/2034/practitioners-meeting/"
    + "proceedings-and-minutes-" * 6
)
# Five columns of short words and numbers, and three with a heading that is long.
_CROWD = """
| Name of port | Ships | Count | Share of all | Mooring fee |
|---|--:|--:|--:|--:|
| Kamomeura | 20/33 | 1,234 | 60.6 % | 1,234,500 |
| Lantern Cape | 9 | 12,345 | 0.4 % | 98,000 |
| Umibe | 12 | 2034-12-20 | 100 % | free |

| Date | Participants | Registration |
|---|---|---|
| 2035-01-18 14:00 | Practitioners | open |
| 2035-02-20 | Volunteers and neighbours of the old harbour | 30/100 |
"""
_WORDS = {
    "ja": ("小舟が桟橋に並ぶ", "定員", "会場30人、オンライン100人（無料）", "申し込む", "一覧を見る", "年末年始のお休み"),
    "en": ("Small boats along the pier", "Places", "30 in the hall, 100 online, free of charge", "Apply", "See the list", "Closed"),
    "ar": ("قوارب صغيرة على امتداد الرصيف", "المقاعد", "٣٠ في القاعة و١٠٠ عبر الإنترنت", "التسجيل", "القائمة", "المكتب مغلق"),
}  # fmt: skip


def twelve(sample: Issue) -> Issue:
    """Twelve sections of two paragraphs, two pictures and two buttons in Japanese and English."""
    texts = {language: [_plain(language, n) for n in range(12)] for language in ("ja", "en")}
    return _issue(sample, "twelve", texts)


def worst(sample: Issue) -> Issue:
    texts = {language: [_unkind(language, n) for n in range(12)] for language in ("ja", "en", "ar")}
    return _issue(sample, "worst", texts)


def _issue(sample: Issue, slug: str, bodies: dict[str, list[str]]) -> Issue:
    languages, keys = tuple(bodies), tuple(f"part-{n}" for n in range(12))
    unkind = slug == "worst"

    def title(language: str, n: int) -> str:
        return f"{_TITLES[language]} {_LONG[language] if unkind and n == 1 else n + 1}"

    sections = tuple(
        Section(key, {tag: SectionText(title(tag, n), bodies[tag][n]) for tag in languages})
        for n, key in enumerate(keys)
    )
    texts: dict[str, IssueText] = {tag: sample.texts[tag] for tag in languages}
    if unkind:
        texts = {tag: replace(text, title=f"{text.subject} {_LONG[tag]}") for tag, text in texts.items()}
    return replace(
        sample, slug=f"2034-12-{slug}", languages=languages, texts=texts, sections=sections,
        orders=dict.fromkeys(languages, keys),
    )  # fmt: skip


def _picture(language: str, n: int, caption: bool = True) -> str:
    title = f' "{_sentence(language)}"' if caption else ""
    return f"![{_WORDS[language][0]} {n + 1}](images/{PICTURES[n % len(PICTURES)]}.png{title})"


def _sentence(language: str) -> str:
    return _SENTENCES[language].split(". " if language == "en" else "。" if language == "ja" else "، ")[0]


def _plain(language: str, n: int) -> str:
    sentence, apply, see = _SENTENCES[language], *_WORDS[language][3:5]
    pictures = (
        f"::: gallery\n{_picture(language, n)}\n{_picture(language, n + 1)}\n:::"
        if n % 2
        else f"{_picture(language, n)}\n\n{_picture(language, n + 1)}"
    )
    links = f"[{apply}](https://www.harbour-cities.example/a/{n}/){{.button}}\n[{see}](https://www.harbour-cities.example/b/{n}/){{.button}}"
    return f"{sentence}\n\n{pictures}\n\n{sentence}\n\n{links}"


def _gallery(language: str, count: int) -> str:
    return (
        "::: gallery\n" + "\n".join(_picture(language, n, caption=n % 2 == 0) for n in range(count)) + "\n:::"
    )


def _unkind(language: str, n: int) -> str:
    sentence, long = _SENTENCES[language], _LONG[language]
    said, term, value, apply, see, note = _WORDS[language]
    button = f"[{apply}](https://www.harbour-cities.example/a/){{.button}}"
    guide = f"[{said} {long}](files/rain-garden-guide.pdf)"
    event = (
        f'::: event {said} {{start="2035-02-20 14:00" end="2035-02-21 12:00" place="{long}"}}\n'
        f"- {term}: {value}\n- {long[:20]}: {_URL}\n\n{sentence}\n:::"
    )
    return (
        f"{sentence} [{see}]({_URL}) {_URL}\n\n{long}\n\n{_gallery(language, 1)}",
        f"## {long}\n\n{sentence}\n\n{_gallery(language, 2)}",
        f"{_gallery(language, 3)}\n\n" + "\n".join(f"[{said} {k}]({_URL}){{.button}}" for k in range(4)),
        _gallery(language, 4),
        f"1. {sentence}\n\n   - {long}\n   - [{long}]({_URL})\n\n2. {said}\n\n> {sentence}\n>\n> {long}",
        f"| {term} | {said} | {long} | {see} | {apply} | {note} |\n|---|:-:|--:|---|---|---|\n"
        + f"| 1 | {value} | {long} | {long} | [{see}]({_URL}) | {sentence} |\n" * 3,
        f"| {term} | {said} |\n|---|--:|\n| 2034 | {value} |\n\n---\n{_CROWD if language == 'en' else ''}\n{sentence}",
        f"{guide}{{until=2035-01-31}}\n\n{sentence}",
        f"::: note {note} {long}\n{sentence}\n\n- {long}\n- {said}\n\n{button}\n:::",
        f"{event}\n\n{button}\n[{see}]({_URL}){{.button}}",
        f"**{sentence}** *{said}* `{long}`\n\n## {said}\n\n{_picture(language, 3)}",
        f"{sentence}\n\n" * 3,
    )[n]
