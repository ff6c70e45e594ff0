"""Does the text say another last day of a file or link than the link itself?

Owns which sentences speak of how long something can be had. Deadlines of applications, events and opening
hours are not its affair, and what is doubtful is left alone: a finding here holds the issue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from mailer.composer.model import Finding, ResourceBox
from mailer.composer.text import walk
from mailer.composer.text.links import LinkKind, kind_of

from .case import Case, Check
from .codes import finding
from .prose_dates import ProseDate, find, month_ends
from .reading import Kind, Part, Run, base, excerpt, fields, where
from .sentences import clause_at, sentences, shared

# What can only be said of a file, a page or a recording.
_STRONG: Final = re.compile(
    r"ダウンロード|閲覧|視聴|配信|掲載|PDF|録画|動画|アーカイブ|download|watch|stream|recording|on demand|available online|\blinks? (?:closes?|ends?|expires?)\b|\bpdf\b",
    re.I,
)
# Said of gardens and exhibitions, too: the sentence must name a file, or stand beside one and name nothing.
_WEAK: Final = re.compile(
    r"公開|配布|ご覧|見られ|読め|お読み|入手|閉じ|期間限定|期間を限|限定で|\bavailable\b|\bonline\b|\baccess|\bopen\b|\bread\b|\bview(?:ed|ing)?\b",
    re.I,
)
_FILES: Final = re.compile(
    r"手引|資料(?!館|室|コーナー)|ファイル|映像|記録|報告書|冊子|スライド|リンク|音声|データ|パンフレット|リーフレット|ガイドブック|様式|用紙|会報|地図|図面|楽譜|講演|講義|"
    r"\b(?:guide|file|video|slides?|report|document|handbook|booklet|materials?|form|brochure|leaflet|podcast|audio|dataset)s?\b",
    re.I,
)
_OTHER: Final = re.compile(
    r"申込|申し込|応募|締切|締め切|〆切|受付|受け付け|募集|登録|エントリー|提出|回答|アンケート|予約|参加|開催|会期|休館|閉館|休業|"
    r"展(?![開望])|営業|開館|見学|入場|来場|チケット|前売|出願|投票|寄付|昨年|前回|前号|先月|工事|通行|宛|必着|返却|返信|別の|"
    r"\bappl(?:y|ication|ications|icants?)\b|\bregist|\bdeadline|\bsign(?:ing)? up|\bbook(?:ing|ed)?\b|\bsubmi|\bentr(?:y|ies)\b|\brepl(?:y|ies)\b|"
    r"\brsvp|\bsurvey|\bticket|\bseats?\b|\bplaces\b|\bexhibit|\blast year|\bprevious|\bclosed\b|\bvote|\bdonat|\benrol|\breserv|\bnominat",
    re.I,
)
_ENDS_JA: Final = re.compile(
    r"^\s{0,3}(?:[（(][^）)]{1,8}[）)])?\s{0,3}(?:午[前後]\s{0,3})?(?:\d{1,2}\s{0,3}[:：時]\s{0,3}(?:\d\d分?|半)?|正午|深夜)?\s{0,3}(?:まで|迄|限り|いっぱい|[がを]期限|[にで](?:公開|配信|掲載)?を?(?:終了|終わ)|で閉じ)"
)
_BEFORE_JA: Final = re.compile(r"(?:期限|期間|公開|配信|掲載)(?:は|[:：])\s{0,3}$|[〜～~]\s{0,3}$")
_BEFORE_EN: Final = re.compile(
    r"\b(?:until|till|through|by|up to|ends?|ending|expires?|closes?)(?:\s{1,3}on)?(?:\s{1,3}midnight(?:\s{1,3}on)?)?(?:\s{1,3}and\s{1,3}including)?(?:\s{1,3}the)?\s{0,3}$|"
    r"\bfrom\b.{5,40}\bto\s{0,3}$",
    re.I,
)
_TOPIC: Final = re.compile(r"[はがも]")
_NO_TOPIC: Final = re.compile(
    r"^\s{0,9}[※・]?(?:公開|掲載|配信|配布)(?:の?期[間限])?は"
)  # 「公開期間は」 names nothing
_LEAST_IN_LEAD: Final = {"en": 2}  # words; Japanese: signs of one piece
_NEAR_BLOCKS: Final = 1
_NEAR_SIGNS: Final = 80  # the longest of the patterns above: “from … to”


@dataclass(frozen=True, slots=True)
class _Dated:
    label: str
    until: date
    block: int


@dataclass(frozen=True, slots=True)
class _Said:
    """A last day in a sentence."""

    day: ProseDate
    run: Run
    sentence: str
    clause: str
    topicless: bool


def disagreeing(case: Case) -> Iterator[Finding]:
    for language, proof in case.proofs.items():
        read = case.parts(language)
        everywhere = [one for part in read for one in _dated(part)]
        for part in read:
            dated = _dated(part)
            for said in _last_days(part.runs, language, case.issue.date):
                wrong = (
                    _wrong_in(said, part, dated) if dated else _wrong_elsewhere(said, everywhere, language)
                )
                if wrong:
                    yield _told(language, part.key, where(language, part.key), said, wrong)
        for name, text in fields(proof.letter):
            for said in _last_days((Run(text, Kind.FIELD),), language, case.issue.date):
                if wrong := _wrong_elsewhere(said, everywhere, language):
                    yield _told(language, None, f"issue.toml: edition.{language}.{name}", said, wrong)


def _told(language: str, key: str | None, place: str, said: _Said, wrong: _Dated) -> Finding:
    fragment = excerpt(said.run.text, said.day.start, said.day.end)
    facts = {"label": wrong.label, "until": wrong.until, "said": said.day.day, "fragment": fragment}
    return finding("date_disagrees", language, key, place, **facts)


def _dated(part: Part) -> list[_Dated]:
    return [
        _Dated(block.label, block.until, number)
        for number, block in enumerate(walk.blocks(part.blocks), 1)
        if isinstance(block, ResourceBox) and block.until
    ]


def _last_days(runs: tuple[Run, ...], language: str, about: date) -> Iterator[_Said]:
    for run in runs:
        if run.kind in (Kind.CELL, Kind.ALT):
            continue
        days = find(run.text, base(language), about) + month_ends(run.text, base(language), about)
        for begin, sentence in sentences(run.text):
            for day in days:
                if begin <= day.start < begin + len(sentence):
                    before, after = run.text[begin : day.start], run.text[day.end : begin + len(sentence)]
                    if _ends(before, after, base(language)):
                        clause = clause_at(sentence, day.start - begin)
                        yield _Said(day, run, sentence, clause, not _TOPIC.search(_NO_TOPIC.sub("", before)))


def _ends(before: str, after: str, language: str) -> bool:
    near = before[-_NEAR_SIGNS:]
    if language == "ja":
        return bool(_ENDS_JA.match(after) or _BEFORE_JA.search(near))
    return language == "en" and bool(_BEFORE_EN.search(near))


def _wrong_in(said: _Said, part: Part, dated: list[_Dated]) -> _Dated | None:
    """The resource of the same section that ends on another day, if it is surely meant."""
    if said.run.kind is Kind.LABEL:
        own = [one for one in dated if one.block == said.run.block]
        return own[0] if own and own[0].until != said.day.day else None
    if not _speaks_of_file(said, dated):
        return None
    about = said.clause if any(shared(one.label, said.clause) for one in dated) else said.sentence
    weights = {one: shared(one.label, about) for one in dated}
    others = _other_links(part, dated)
    if others and max(weights.values()) <= max(shared(label, about) for label in others):
        return None  # the sentence may speak of a link without an end, or of any
    named = [one for one, weight in weights.items() if weight and weight == max(weights.values())]
    if len(named) == 1:
        return named[0] if named[0].until != said.day.day else None
    if said.day.day in {one.until for one in dated}:
        return None
    return min(named or dated, key=lambda one: abs(one.block - said.run.block))


def _other_links(part: Part, dated: list[_Dated]) -> list[str]:
    mine = {one.label for one in dated}
    elsewhere = (LinkKind.WEB, LinkKind.FILE)
    return [
        label for label, url in walk.links(part.blocks) if label not in mine and kind_of(url) in elsewhere
    ]


def _speaks_of_file(said: _Said, dated: list[_Dated]) -> bool:
    if _OTHER.search(said.clause) or (_OTHER.search(said.sentence) and not _available(said.clause)):
        return False
    if _STRONG.search(said.sentence):
        return True
    near = any(abs(one.block - said.run.block) <= _NEAR_BLOCKS for one in dated)
    alone = near and said.topicless and not re.search(r"[A-Za-z]{4}", said.sentence)
    return bool(_WEAK.search(said.sentence) and (_FILES.search(said.sentence) or alone))


def _available(text: str) -> bool:
    return bool(_STRONG.search(text) or _WEAK.search(text))


def _wrong_elsewhere(said: _Said, everywhere: list[_Dated], language: str) -> _Dated | None:
    """In the lead, the preheader or another section: the resource must be named, and be the only one."""
    if _OTHER.search(said.clause) or said.day.day in {one.until for one in everywhere}:
        return None
    least = _LEAST_IN_LEAD.get(base(language), 3)
    named = [one for one in everywhere if shared(one.label, said.clause) >= least]
    if not named and _available(said.clause) and not _OTHER.search(said.sentence):
        named = [one for one in everywhere if shared(one.label, said.sentence) >= least]
    return named[0] if len({one.until for one in named}) == 1 and len(named) == 1 else None


CHECKS: Final[tuple[Check, ...]] = (disagreeing,)
