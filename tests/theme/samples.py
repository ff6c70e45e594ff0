"""Letters to look at: the sample issue in Japanese and English, short ones in Arabic and Chinese."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

from PIL import Image

import mailer
from mailer.composer.model import (
    Identity,
    Issue,
    IssueText,
    Letter,
    OtherEdition,
    Section,
    SectionText,
    Shown,
    Surroundings,
)
from mailer.composer.text import folder, markdown

ZONE = "Asia/Tokyo"
BASE = "https://news.harbour-cities.example"
CHECKOUT = Path(mailer.__file__).parent.parent
SAMPLE = Path(mailer.__file__).parent / "samples" / "2034-12"
DECORATIONS = CHECKOUT / "templates" / "images"

_MAIL = "enews@harbour-cities.example"
IDENTITIES = {
    "ja": Identity(
        "みなと便り",
        "港町都市ネットワーク 横浜事務所",
        "Harbour Cities Network, Yokohama Office",
        "en",
        "〒000-0000 神奈川県横浜市中区うみべ通1-2-3 みなとの家 4階",
        "045-000-0000（平日 9:00～17:00）",
        _MAIL,
    ),
    "en": Identity(
        "Harbour Letter",
        "Harbour Cities Network, Yokohama Office",
        "港町都市ネットワーク 横浜事務所",
        "ja",
        "Minato-no-Ie 4F, 1-2-3 Umibe-dori, Naka-ku, Yokohama 000-0000, Japan",
        "+81 45 000 0000 (weekdays 9:00–17:00 JST)",
        _MAIL,
    ),
    "ar": Identity(
        "رسالة الميناء",
        "شبكة مدن الموانئ، مكتب يوكوهاما",
        "Harbour Cities Network, Yokohama Office",
        "en",
        "ميناتو نو إيه، الطابق ٤، 1-2-3 Umibe-dori, Naka-ku, Yokohama 000-0000، اليابان",
        "+81 45 000 0000",
        _MAIL,
    ),
    "zh-Hant": Identity(
        "港灣來信",
        "港灣城市網絡 橫濱事務所",
        "港町都市ネットワーク 横浜事務所",
        "ja",
        "日本 神奈川縣橫濱市中區海邊通1-2-3 港之家4樓",
        "+81 45 000 0000",
        _MAIL,
    ),
    "zh-Hans": Identity(
        "港湾来信",
        "港湾城市网络 横滨事务所",
        "港町都市ネットワーク 横浜事務所",
        "ja",
        "日本 神奈川县横滨市中区海边通1-2-3 港之家4楼",
        "+81 45 000 0000",
        _MAIL,
    ),
}

_SHORT = {
    "ar": (
        IssueText(
            "ثلاثة أيام جمعت مدن الماء",
            "اثنان وخمسون مختصًا من تسع مدن ساحلية اجتمعوا في يوكوهاما.",
            "",
            "صباح في الميناء: تشرق الشمس خلف جسر معلّق ويمرّ قارب صغير أمام المخازن",
            "هذه آخر رسالة من الميناء في هذا العام. اجتمع في نوفمبر اثنان وخمسون مختصًا من تسع مدن ساحلية في "
            "يوكوهاما، وتبادلوا ما يعرفونه عن مدّ العواصف وعن العيش بجوار الماء.",
        ),
        {
            "meeting": SectionText(
                "لقاء المختصين بالواجهات المائية في يوكوهاما",
                "عُقد اللقاء السابع في قاعة أوميبه بمدينة يوكوهاما من ١٤ إلى ١٦ نوفمبر. تُنشر الوقائع على "
                "[موقع الشبكة](https://www.harbour-cities.example/en/meeting-7/) باللغتين اليابانية والإنجليزية.\n\n"
                '![رسم للقاعة من الأعلى: مقاعد في أنصاف دوائر حول المنصة](images/forum.png "الجلسة العامة في ١٤ نوفمبر")\n\n'
                "## ثلاثة التزامات\n\n1. كتابة مسارات الإخلاء بكلمات يفهمها الزائر.\n2. مكان للجلوس في كل رصيف جديد.\n"
                "3. مشاركة سجلات الأعمال التي لم تنجح.\n\n"
                '::: gallery\n![عبّارة بيضاء على بحر هادئ](images/ferry.png "الزيارة ١: الأرصفة")\n'
                '![رافعتان خلف صفوف من الحاويات](images/crane.png "الزيارة ٢: جولة في الرصيف بينما ترتاح الرافعات")\n:::\n\n'
                "[قراءة الوقائع](https://www.harbour-cities.example/en/meeting-7/){.button}\n"
                "[قائمة العروض](https://www.harbour-cities.example/en/meeting-7/slides/){.button}",
            ),
            "garden": SectionText(
                "دليل جديد لحدائق المطر الصغيرة",
                "تحفظ حديقة المطر ما يسقط على السطح من ماء ثم تعيده إلى الأرض ببطء.\n\n"
                "[حدائق المطر الصغيرة: دليل أول](files/rain-garden-guide.pdf){until=2035-01-31}\n\n"
                "::: note المكتب مغلق\nيُغلق المكتب من ٢٩ ديسمبر إلى ٣ يناير.\n:::",
            ),
            "course": SectionText(
                "دورة فبراير",
                '::: event دورة نصف يوم: قراءة الواجهة المائية {start="2035-02-20 14:00" end="17:00" '
                'place="قاعة أوميبه، الطابق الثالث"}\n- المقاعد: ٣٠ في القاعة\n:::',
            ),
        },
    ),
    "zh-Hant": (
        IssueText(
            "連起水邊城市的三天",
            "九座港灣城市的五十二位實務者齊聚橫濱。",
            "",
            "清晨的港口，吊橋後方日出，一艘小船從倉庫前駛過",
            "這是今年最後一期《港灣來信》。十一月，九座港灣城市的五十二位實務者齊聚橫濱，分享防備風暴潮與臨水而居的經驗。",
        ),
        {
            "meeting": SectionText(
                "水邊城市實務者會議在橫濱舉行",
                "十一月十四日至十六日，第七屆會議在海邊會館舉行。會議紀錄公布於"
                "[聯盟網站](https://www.harbour-cities.example/en/meeting-7/)。\n\n"
                '![從上方看會場，半圓形的座位圍繞講台](images/forum.png "全體會議（十一月十四日）")\n\n'
                "## 三項約定\n\n- 用旅人也看得懂的話標示避難路線。\n- 新的護岸一定要有可以坐下的地方。\n\n"
                '::: gallery\n![平靜海面上的白色渡輪](images/ferry.png "參訪一：從渡輪看護岸")\n'
                '![貨櫃後方的兩座起重機](images/crane.png "參訪二：裝卸空檔走訪碼頭")\n:::\n\n'
                "[閱讀會議紀錄](https://www.harbour-cities.example/en/meeting-7/){.button}\n"
                "[簡報一覽](https://www.harbour-cities.example/en/meeting-7/slides/){.button}",
            ),
            "garden": SectionText(
                "小雨庭手冊公開",
                "雨庭先留住屋頂上的雨水，再慢慢還給土地。骨、直、門、返、這些字在各地寫法不同。\n\n"
                "[小雨庭：入門手冊](files/rain-garden-guide.pdf){until=2035-01-31}\n\n"
                "::: note 年末年始休假\n十二月二十九日至一月三日休假。\n:::",
            ),
            "course": SectionText(
                "二月的研習",
                '::: event 半日研習：讀水邊 {start="2035-02-20 14:00" end="17:00" place="海邊會館三樓"}\n- 名額：會場30人\n:::',
            ),
        },
    ),
    "zh-Hans": (
        IssueText(
            "连起水边城市的三天",
            "九座港湾城市的五十二位从业者齐聚横滨。",
            "",
            "清晨的港口，吊桥后方日出，一艘小船从仓库前驶过",
            "这是今年最后一期《港湾来信》。十一月，九座港湾城市的五十二位从业者齐聚横滨，分享防备风暴潮与临水而居的经验。",
        ),
        {
            "meeting": SectionText(
                "水边城市从业者会议在横滨举行",
                "十一月十四日至十六日，第七届会议在海边会馆举行。会议记录公布于"
                "[联盟网站](https://www.harbour-cities.example/en/meeting-7/)。\n\n"
                '![从上方看会场，半圆形的座位围绕讲台](images/forum.png "全体会议（十一月十四日）")\n\n'
                "## 三项约定\n\n- 用旅人也看得懂的话标示避难路线。\n- 新的护岸一定要有可以坐下的地方。\n\n"
                '::: gallery\n![平静海面上的白色渡轮](images/ferry.png "参访一：从渡轮看护岸")\n'
                '![集装箱后方的两座起重机](images/crane.png "参访二：装卸间隙走访码头")\n:::\n\n'
                "[阅读会议记录](https://www.harbour-cities.example/en/meeting-7/){.button}\n"
                "[幻灯片一览](https://www.harbour-cities.example/en/meeting-7/slides/){.button}",
            ),
            "garden": SectionText(
                "小雨庭手册公开",
                "雨庭先留住屋顶上的雨水，再慢慢还给土地。骨、直、门、返，这些字在各地写法不同。\n\n"
                "[小雨庭：入门手册](files/rain-garden-guide.pdf){until=2035-01-31}\n\n"
                "::: note 年末年初休假\n十二月二十九日至一月三日休假。\n:::",
            ),
            "course": SectionText(
                "二月的研习",
                '::: event 半日研习：读水边 {start="2035-02-20 14:00" end="17:00" place="海边会馆三楼"}\n- 名额：会场30人\n:::',
            ),
        },
    ),
}


@cache
def issue() -> Issue:
    """The sample issue with its two short languages beside."""
    read = folder.read(SAMPLE, ZONE).issue
    texts = {**read.texts, **{language: text for language, (text, _) in _SHORT.items()}}
    orders = {**read.orders, **{language: tuple(sections) for language, (_, sections) in _SHORT.items()}}
    sections = [
        Section(
            s.key,
            {**s.texts, **{language: t[s.key] for language, (_, t) in _SHORT.items() if s.key in t}},
            s.keyed,
        )
        for s in read.sections
    ]
    return replace(
        read, languages=(*read.languages, *_SHORT), texts=texts, orders=orders, sections=tuple(sections)
    )


@cache
def letter(language: str) -> Letter:
    return markdown.letter(issue(), language, ZONE)


@cache
def _sizes() -> dict[str, tuple[int, int]]:
    found = {}
    for path in (SAMPLE / "images").iterdir():
        with Image.open(path) as image:
            found[f"images/{path.name}"] = image.size
    return found


def surroundings(
    language: str,
    *,
    base_url: str = BASE,
    pictures: str = f"{BASE}/media/",
    decorations: str = f"{BASE}/media/",
) -> Surroundings:
    """As `editions` would make it; pictures at `pictures` + path, the theme's own at `decorations` + name.png."""
    shown: dict[str, Shown] = {}
    for path, (width, height) in _sizes().items():
        if path == issue().picture:
            shown[path] = Shown(pictures + path, 600, 260)
            continue
        shown[path] = Shown(pictures + path, 536, round(536 * height / width))
        shown[f"{path}@2"] = Shown(pictures + path, 260, 195)
        shown[f"{path}@3"] = Shown(pictures + path, 168, 126)

    def web(tag: str) -> str:
        return f"{base_url}/archive/{tag}/2034-12/"

    files = ("files/rain-garden-guide.pdf",) if base_url else ()
    return Surroundings(
        issue_slug="2034-12",
        number="84",
        date=date(2034, 12, 20),
        identity=IDENTITIES[language],
        zone=ZONE,
        base_url=base_url,
        web_url=web(language) if base_url else "",
        others=tuple(OtherEdition(tag, web(tag)) for tag in ("ja", "en") if tag != language and base_url),
        pictures=shown,
        decorations={
            "mark": Shown(f"{decorations}mark.png", 44, 44),
            "tide": Shown(f"{decorations}tide.png", 600, 36),
        },
        resource_urls=dict.fromkeys(files, f"{base_url}/r/2034-12/{language}/rain-garden-guide"),
        calendar_urls={"course": f"{base_url}/r/2034-12/{language}/course.ics"} if base_url else {},
        privacy_url=f"{base_url}/privacy/{language}" if base_url else "",
    )


READER = {
    "@@EMAIL@@": "reader@example.org",
    "@@NAME@@": "森 恵子",
    "@@REFERENCE@@": "K7Q-492",
    "@@UNSUBSCRIBE@@": f"{BASE}/u/mfzwizltoq4gk3tf",
    "@@PREFERENCES@@": f"{BASE}/p/mfzwizltoq4gk3tf",
}
_SINCE = {
    "ja": "2033年4月3日",
    "en": "3 April 2033",
    "ar": "٣ أبريل ٢٠٣٣",
    "zh-Hant": "2033年4月3日",
    "zh-Hans": "2033年4月3日",
}


def filled(text: str, language: str) -> str:
    """As one reader gets it."""
    for token, value in {**READER, "@@SINCE@@": _SINCE[language]}.items():
        text = text.replace(token, value)
    return text
