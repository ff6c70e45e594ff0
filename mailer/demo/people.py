"""300 invented people on example domains (RFC 2606), always the same ones.

They hold what a real list holds: eight ways to say a language, carrier addresses that RFC 5322
would not allow, an international domain, people who left or never confirmed, one written twice.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FAMILY = (
    "青木:aoki 秋山:akiyama 石川:ishikawa 上田:ueda 遠藤:endo 岡本:okamoto 加藤:kato 木村:kimura 小林:kobayashi "
    "斎藤:saito 佐々木:sasaki 清水:shimizu 鈴木:suzuki 髙橋:takahashi 田中:tanaka 中村:nakamura 西村:nishimura "
    "橋本:hashimoto 原田:harada 福田:fukuda 松本:matsumoto 三浦:miura 村上:murakami 山﨑:yamazaki 渡邊:watanabe"
)
_GIVEN = (
    "葵:aoi 明:akira 綾:aya 悠斗:yuto 恵子:keiko 健:ken 桜:sakura 誠:makoto 真央:mao 美咲:misaki 直樹:naoki 遥:haruka "
    "陽菜:hina 拓海:takumi 翔太:shota 智子:tomoko 優:yu 由美:yumi 涼:ryo 和子:kazuko"
)
_ENGLISH = (
    "Alice Bennett;Daniel Okafor;Priya Nair;Tom Hargreaves;Maria Santos;Wei Ling Tan;Ruth Adeyemi;Oscar Lind;Hannah Cole;"
    "Ivo Novak;Siti Rahman;Liam Doyle;Grace Park;Noah Fischer;Elena Petrova;Samuel Osei;Chloe Martin;Arjun Mehta;Nina Berg"
)
_CHINESE = "林怡君 陳志明 黃淑芬 張家豪 李雅婷 王俊傑 吳佩珊 劉建宏"
_FRENCH = "Camille Durand;Hugo Lefèvre;Inès Moreau;Théo Girard;Zoé Rousseau;Élodie Caron;Luc Fabre"
_ARABIC = "ليلى حسن;عمر خليل;سلمى منصور;يوسف عباس;نور الدين"
_CITIES = ("横浜", "神戸", "長崎", "函館", "Port Alder", "Saltmere", "Lantern Cape", "高雄", "Sainte-Ancre")
_HOMES = (
    "example.org",
    "example.com",
    "example.net",
    "mail.example.jp",
    "city.example.org",
    "univ.example.ac.jp",
)


@dataclass(frozen=True, slots=True)
class Person:
    email: str
    name: str
    languages: str
    state: str = "confirmed"
    city: str = ""


def people() -> Iterator[Person]:
    """The 300, in the order of the file."""
    dice = random.Random(84)
    kinds = [
        ("ja", 128),
        ("en", 72),
        ("ja-JP", 22),
        ("en-GB", 18),
        ("zh-Hant", 14),
        ("fr", 14),
        ("ar", 8),
        ("", 24),
    ]
    seen: set[str] = set()
    for language, count in kinds:
        for index in range(count):
            yield _person(dice, language, index, seen)


def _person(dice: random.Random, language: str, index: int, seen: set[str]) -> Person:
    name, local = _named(dice, language)
    home = dice.choice(_HOMES)
    if language == "ja" and index % 16 == 0:  # what phones of the 2000s were given
        local, home = f"{local}..{index}", "mobile.example.ne.jp"
    elif language == "ja" and index % 16 == 8:
        local, home = f"{local}{index}.", "phone.example.ne.jp"
    elif language == "ja" and index % 32 == 5:
        home = "港町.example"
    while f"{local}@{home}" in seen:
        local = f"{local}{dice.randint(2, 99)}"
    seen.add(f"{local}@{home}")
    state = {3: "unsubscribed", 7: "pending"}.get(dice.randint(0, 24), "confirmed")
    return Person(f"{local}@{home}", name, language, state, dice.choice(_CITIES))


def _named(dice: random.Random, language: str) -> tuple[str, str]:
    if language in ("ja", "ja-JP") or (not language and dice.random() < 0.5):
        family, given = dice.choice(_FAMILY.split()).split(":"), dice.choice(_GIVEN.split()).split(":")
        return f"{family[0]} {given[0]}", f"{given[1]}.{family[1]}"
    pool = {"zh-Hant": _CHINESE.split(), "fr": _FRENCH.split(";"), "ar": _ARABIC.split(";")}.get(language)
    name = dice.choice(pool or _ENGLISH.split(";"))
    plain = name.lower().replace(" ", ".")
    return name, plain if plain.isascii() else f"reader{dice.randint(100, 999)}"


def suppressed() -> list[str]:
    """Addresses that must never be mailed: they came back, or their owner complained."""
    return [person.email for index, person in enumerate(people()) if index % 53 == 11]


def write_csv(path: Path) -> int:
    """The list as an office would hand it over: Japanese headings, UTF-8 with BOM. Returns the rows."""
    rows = list(people())
    rows.append(Person(rows[0].email.upper(), rows[0].name, "ja"))  # the same person, written twice
    rows.append(Person("reader＠no-dot", "宛先 不明", "ja"))  # no address: refused with its reason
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file)
        out.writerow(["メールアドレス", "氏名", "言語", "状態", "属性.都市"])
        out.writerows([p.email, p.name, p.languages, p.state, p.city] for p in rows)
    return len(rows)
