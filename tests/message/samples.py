"""Mails to test with: three languages, names and subjects that other programs got wrong."""

from __future__ import annotations

import hashlib
import html
from dataclasses import replace
from datetime import UTC, datetime

from mailer.composer.model import Edition, EmbeddedPicture
from mailer.message import segments
from mailer.message.headers import Stationery

NOW = datetime(2034, 12, 20, tzinfo=UTC)
FAMILY = "👨\u200d👩\u200d👧\u200d👦"
SUBJECTS = {
    # 70 characters: variants of names, enclosed signs, a character beyond the BMP, a ZWJ emoji  # F44 F49
    "ja": "髙﨑さん・𠮷野さんと歩く港の冬①㈱みなと交流会Ⅳのご案内～申込は十二月二十八日まで😀" + FAMILY + "港町都市ネットワークより感謝をこめて皆様へ",
    "en": "Harbour Letter 84: how four small ports share one tide table, and what the winter market has to offer this year",
    "ar": "رسالة الميناء ٨٤: كيف تتشارك أربعة موانئ صغيرة جدولا واحدا للمد والجزر",
}  # fmt: skip
NAMES = {
    "ja": '港町都市ネットワーク横浜事務所「みなと便り」、編集部,"冬"(担当)髙﨑・𠮷野他',  # 40 characters
    # R4: folded by Python's email package this becomes three mailboxes
    "en": "Harbour Cities Office, NETWORK, for the Shared Tide Tables and Small Ports of Many Coasts",
    "ar": "شبكة مدن الموانئ",
}
TEXTS = {
    "ja": "港町の便り\n\nこんにちは、@@NAME@@さん。\n\n" + "冬の港では、灯台の明かりが早くともります。髙い波の日も、𠮷日も。\n\n" * 30,
    "en": "Harbour Letter\n\nDear @@NAME@@,\n\n" + "In winter the lamps of the harbour are lit early = at four.\n.\nFrom the pier\n\n" * 30,
    "ar": "رسالة الميناء\n\nمرحبا @@NAME@@\n\n" + "تضاء مصابيح الميناء باكرا في الشتاء.\n\n" * 30,
}  # fmt: skip
FOOT = "@@EMAIL@@ (@@REFERENCE@@)\n@@SINCE@@\n@@UNSUBSCRIBE@@\n@@PREFERENCES@@\n"
ESCAPED = ("NAME", "EMAIL", "REFERENCE", "SINCE", "UNSUBSCRIBE", "PREFERENCES")
PICTURE = EmbeddedPicture("mark.0a1b@harbour.example", "blob-mark", "image/png", "灯台 mark.png")
PICTURES = {"blob-mark": bytes(range(256)) * 40}

STATIONERY = Stationery(
    sender_name="みなと便り",
    sender_email="news@harbour.example",
    zone="Asia/Tokyo",
    reply_to="office@harbour.example",
    list_id="enews.harbour.example",
    list_name="Harbour Letter",
    list_archive="https://letter.harbour.example/archive/",
    archived_at="https://letter.harbour.example/archive/ja/2034-12/",
    feedback=("2034-12", "ja", "campaign", "harbour-cities"),
)
NOTICE = replace(STATIONERY, stream="notice", list_id="", feedback=())
UNSUBSCRIBE = (
    "https://letter.harbour.example/u/abcdefgh234567",
    "mailto:unsub+abcdefgh234567@b.harbour.example",
)
VALUES = {
    "NAME": "港 花子",
    "EMAIL": "hanako@harbour.example",
    "REFERENCE": "K7Q-492",
    "SINCE": "2033年4月1日",
    "UNSUBSCRIBE": UNSUBSCRIBE[0] + "?a=1&b=2",
    "PREFERENCES": "https://letter.harbour.example/p/zyxwvu765432",
}
PARTICULARS = {
    "to": "hanako@harbour.example",
    "date": NOW,
    "message_id": "abcdefgh234567abcdefgh@harbour.example",
    "unsubscribe": UNSUBSCRIBE,
}


def edition(language: str, *, embedded: bool = False) -> Edition:
    text = TEXTS[language] + FOOT
    paragraphs = "".join(f"<p>{line}</p>\n" for line in text.splitlines() if line)
    links = '<a href="@@UNSUBSCRIBE@@">x</a><a href="@@PREFERENCES@@">y</a>'
    picture = f'<img src="cid:{PICTURE.cid}" alt="">' if embedded else ""
    markup = f'<!DOCTYPE html>\n<html lang="{language}"><body>{paragraphs}{links}{picture}</body></html>'
    return Edition(
        id=1,
        issue_slug="2034-12",
        notice=None,
        language=language,
        content_hash=hashlib.sha256(markup.encode()).hexdigest(),
        subject=SUBJECTS[language],
        html=markup,
        text=text,
        web=None,
        pictures=(PICTURE,) if embedded else (),
        facts={},
    )


def filled(source: str, values: dict[str, str], *, is_html: bool) -> str:
    """The plain way: replace, no encoding. What every reader must see, with \\n as line end."""
    for name, text in values.items():
        shown = segments.value(text)
        source = source.replace(f"@@{name}@@", html.escape(shown) if is_html else shown)
    return segments.body(source).replace("\r\n", "\n")
