"""Checks of pictures: their weight, who made them, the consent of people in them, how long they may be shown.

The facts are those of issue.toml, [pictures]; sharpness and descriptions are judged in `texts`. Called by the gate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mailer.composer import images
from mailer.composer.model import Figure, Finding, Letter
from mailer.composer.text import walk

from .case import Case, Check
from .codes import finding

# Beside 200 KB for each: a photograph in twice the pixels takes 1–3 bytes a CSS pixel; one kept as PNG, because
# it is transparent somewhere, takes 8–12. Small pictures are never worth a word.
_BYTES_PER_PIXEL: Final = 4
_LIGHT_BYTES: Final = 100_000

# A credit that the words give already: in a caption, or once for all pictures at the end.
_CREDITED: Final = re.compile(
    r"©|\(c\)|\b(?:photo(?:graph)?s?|pictures?|images?|illustrations?|drawings?)\s*(?:[:：]|by\b|courtesy\b|credit)"
    r"|\bcourtesy of\b|(?:写真|画像|撮影|イラスト|提供|出典|図版?|絵)\s*[:：／/]|(?:写真|画像|イラスト)\s*提供|撮影者|[)）]?\s*(?:撮影|提供)[)）]?$",
    re.I,
)
# A drawing, by what a sentence of the description ends with (ja) or begins with (en): people who stand beside a
# poster, or read in a 図書館, are no drawing.
_DRAWN: Final = re.compile(
    r"描い|描か|(?:図|イラスト|絵|版画|地図|グラフ|ポスター|チラシ|ちらし|表紙|ロゴ|像)(?:$|[。、）)])"
    r"|(?:^|[.:;] )(?:(?:an?|the|two|three|four|line|bar|pie|group|black-and-white|coloured) )*(?:drawings?|illustrations?|diagrams?|maps?|charts?"
    r"|graphs?|plans?|logos?|posters?|flyers?|leaflets?|covers?|sketch(?:es)?|paintings?|screenshots?|cartoons?|statues?|sculptures?|icons?"
    r"|cross-section)\b|\b(?:drawn|painted) (?:from|by|in|as|on)\b|\b(?:drawing|illustration|diagram|map|chart|graph|sketch|painting|statue) of\b",
    re.I,
)
_PEOPLE: Final = re.compile(
    r"(?:参加者|出席者|来場者|観客|聴衆|登壇者|発表者|講師|司会者|受賞者|関係者|見学者|来賓|職員|スタッフ|ボランティア|メンバー|一行|代表団"
    r"|市民|住民|漁師|農家の|子ども|子供|児童|生徒|学生|親子|家族|若者|高齢者|お年寄り|男性|女性|市長|町長|村長|知事|会長|理事長|先生|選手"
    r"|人々|人びと|人たち|[0-9０-９一二三四五六七八九十百数]人|笑顔|記念撮影|記念写真|集合写真|握手|手を振|[一-龠ァ-ヶー]さん)"
    r"(?!の?(?:ため|向け|用)|募集)"
    r"|(?<!for )(?<!no )(?<!without )\b(?:people|participants?|attendees|delegates?|child(?:ren)?|kids|students?|pupils?|men|women|man|woman"
    r"|boys?|girls?|crowd|audience|volunteers?|residents?|visitors?|villagers|fisher(?:man|men)|farmers?|famil(?:y|ies)|mayors?|governor"
    r"|director|president|speakers?|panellists?|teachers?|group photo(?:graph)?|portrait of|smiling|shaking hands|waving|colleagues|staff)\b",
    re.I,
)


def heavy(case: Case) -> Iterator[Finding]:
    """Heavier than what is shown needs; the budget of all together is `mails`' affair."""
    found: dict[str, int] = {}
    for proof in case.proofs.values():
        for key, made in proof.album.made.items():
            width, height = made.shown
            enough = min(images.PICTURE_BYTES, max(_LIGHT_BYTES, _BYTES_PER_PIXEL * width * height))
            if made.size_bytes > enough:
                found[key.partition("@")[0]] = made.size_bytes
    if found:
        named = tuple(f"{path} ({size // 1000} KB)" for path, size in found.items())
        yield finding("picture_heavy", where="images/", paths=named, count=len(found))


def credits(case: Case) -> Iterator[Finding]:
    """One finding for all. A credit in the words counts: in the caption, or one that speaks of all pictures."""
    said, common = set(), False
    paths: dict[str, None] = {}
    for proof in case.proofs.values():
        texts = [text.plain for _, top in walk.parts(proof.letter) for text in walk.inlines(top)]
        captions = {figure.caption.plain for figure in _figures(proof.letter)}
        common = common or any(_CREDITED.match(text.strip(" *（(")) for text in texts if text not in captions)
        for figure in _figures(proof.letter):
            paths[figure.path] = None
            if _CREDITED.search(figure.caption.plain) or case.issue.picture_facts(figure.path).credit:
                said.add(figure.path)
    without = [path for path in paths if path not in said]
    if without and not common:
        yield finding(
            "picture_without_credit", where="issue.toml: pictures", paths=tuple(without), count=len(without)
        )


def consent(case: Case) -> Iterator[Finding]:
    """People who could be recognised, and no note of their consent. `people = false` says that there are none."""
    without: dict[str, None] = {}
    for proof in case.proofs.values():
        for figure in _figures(proof.letter):
            facts = case.issue.picture_facts(figure.path)
            people = _shows_people(figure) if facts.people is None else facts.people
            if people and not facts.consent.strip():
                without[figure.path] = None
    # A word in one language is no sign where another says that it is drawn.
    drawn = {f.path for proof in case.proofs.values() for f in _figures(proof.letter) if _is_drawn(f)}
    stated = {path for path in without if case.issue.picture_facts(path).people}
    paths = tuple(path for path in without if path in stated or path not in drawn)
    if paths:
        yield finding("picture_without_consent", where="issue.toml: pictures", paths=paths, count=len(paths))


def _shows_people(figure: Figure) -> bool:
    return bool(_PEOPLE.search(_words(figure)))


def _is_drawn(figure: Figure) -> bool:
    return any(_DRAWN.search(text.strip()) for text in (figure.alt, figure.caption.plain))


def _words(figure: Figure) -> str:
    return f"{figure.alt} / {figure.caption.plain}"


def ended(case: Case) -> Iterator[Finding]:
    paths = dict.fromkeys(figure.path for proof in case.proofs.values() for figure in _figures(proof.letter))
    for path in paths:
        until = case.issue.picture_facts(path).usable_until
        if until and until < case.as_of:
            where = f'issue.toml: pictures."{path}".usable_until'
            yield finding("picture_ended", where=where, path=path, until=until, date=case.as_of)


def _figures(letter: Letter) -> Iterator[Figure]:
    if letter.picture:
        yield letter.picture
    for _, top in walk.parts(letter):
        yield from walk.figures(top)


CHECKS: Final[tuple[Check, ...]] = (heavy, credits, consent, ended)
