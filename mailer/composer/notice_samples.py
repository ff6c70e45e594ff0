"""Invented values for each notice, to look at it and to judge it. Nothing here is ever sent.

`samples("welcome", "ja")` is what `Theme.render_notice` and `editions.compose_notice` take. A language that
has no words of its own here gets the English ones, so that a new catalogue needs no change. Called by
`notice_preview`, the tests and the judges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

from mailer import i18n
from mailer.i18n import Words
from subscribers.language import match

from .notices import VALUES, kind

BASE: Final = "https://news.harbour-cities.example"
_ZONE: Final = "Asia/Tokyo"
_NOW: Final = datetime(2034, 12, 13, 1, 24, tzinfo=UTC)
_TOKEN: Final = "mfzwizltoq4gk3tfnzqxi2lpny"  # noqa: S105 - of nobody

_SAID: Final[Mapping[str, Mapping[str, str]]] = {
    "asked_by": {"en": "Mori Keiko", "ja": "森 恵子"},
    "changes": {
        "en": "Section 3: a new photograph\nSection 5: the meeting begins at 14:00 instead of 13:00",
        "ja": "項目3：写真を差し替え\n項目5：開会を13:00から14:00に変更",
    },
    "in_the_way": {
        "en": "English, section 4: the text is missing\nThe issue is not approved yet",
        "ja": "英語版の項目4：本文がありません\nまだ承認されていません",
    },
    "issue": {"en": "No. 84", "ja": "第84号"},
    "letter": {
        "ar": "رسالة الميناء (مرة في الشهر)",
        "en": "Harbour Letter (monthly)",
        "ja": "みなと便り（毎月1回）",
        "zh-Hans": "港湾来信（每月一期）",
        "zh-Hant": "港灣來信（每月一期）",
    },
    "newest_title": {
        "ar": "ثلاثة أيام جمعت مدن الماء",
        "en": "Three days that joined our waterfronts",
        "ja": "水辺のまちをつないだ三日間",
        "zh-Hans": "连起水边城市的三天",
        "zh-Hant": "連起水邊城市的三天",
    },
    "others": {
        "ar": "إشعارات الفعاليات",
        "en": "Event notices",
        "ja": "催しのお知らせ",
        "zh-Hans": "活动通知",
        "zh-Hant": "活動通知",
    },
}
_SUBJECTS: Final = "ja 水辺のまちをつないだ三日間\nen Three days that joined our waterfronts"


def _last_day(words: Words) -> str:
    return words("date.last_day", date=(_NOW + timedelta(days=7)).date(), zone=words.zone_name(_ZONE, _NOW))


def _moment(after: timedelta = timedelta()) -> Callable[[Words], str]:
    return lambda words: words.moment(_NOW + after, _ZONE)


def _old_language(words: Words) -> str:
    return "en" if words.source != "en" else "ja"


_MADE: Final[Mapping[str, Callable[[Words], str]]] = {
    "address": lambda _: "reader@example.org",
    "approve_url": lambda _: f"{BASE}/approve/{_TOKEN}",
    "changed_at": _moment(),
    "confirm_url": lambda _: f"{BASE}/c/{_TOKEN}",
    "people": lambda words: words.number(2053),
    "days": lambda _: "3",
    "desk_url": lambda _: f"{BASE}/desk/issues/2034-12",
    "finish": _moment(timedelta(days=6, hours=22, minutes=51)),
    "leave_url": lambda _: f"{BASE}/u/{_TOKEN}",
    "left_at": _moment(),
    "new_language": lambda words: words.autonym(),
    "newest_url": lambda words: f"{BASE}/archive/{words.language}/2034-11/",
    "next_on": lambda words: words.date(date(2034, 12, 20), "weekday"),
    "old_language": lambda words: i18n.autonym(_old_language(words)),
    "old_language_tag": _old_language,
    "preferences_url": lambda _: f"{BASE}/p/{_TOKEN}",
    "relay": lambda _: "mail.example.jp:587",
    "requested_at": _moment(),
    "reset_url": lambda _: f"{BASE}/reset/{_TOKEN}",
    "return_url": lambda words: f"{BASE}/join/enews/{words.language}",
    "send_on": _moment(timedelta(days=6, hours=22, minutes=36)),
    "sender_domain": lambda _: "harbour-cities.example",
    "sent_at": _moment(),
    "slug": lambda _: "2034-12",
    "subjects": lambda _: _SUBJECTS,
    "undo_url": lambda _: f"{BASE}/p/{_TOKEN}",
    "valid_until": _last_day,
}


def samples(name: str, language: str, *, web: bool = True) -> dict[str, str]:
    """Values of the notice `name` in `language`. Without `web`, of an office that has no web server:
    what may be left out is. Raises ValueError for a notice that there is not.
    """
    wanted, words = kind(name), i18n.words(language)
    names = (*wanted.needs, *wanted.may) if web else wanted.needs
    values = {one: _value(one, words) for one in names}
    if not web:
        values |= {one: "mailto:enews@harbour-cities.example" for one in names if VALUES[one] == "url"}
    return wanted.values(values)


def _value(name: str, words: Words) -> str:
    if name in _MADE:
        return _MADE[name](words)
    said = _SAID[name]
    return said[match([words.language], tuple(said)) or i18n.FALLBACK]
