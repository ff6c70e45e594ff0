"""What was never meant for readers: placeholders, dummy text, and remains of web pages and of mails.

Also what only looks like a heading. Marks that did not work are `marks`' affair.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

from mailer.composer.model import (
    Block,
    Figure,
    Finding,
    Gallery,
    ListBlock,
    Paragraph,
    Quote,
    SubHeading,
    Table,
)

from .case import Case, Check
from .reading import Kind, excerpt, fields, shortened, told, told_of_field

_DUMMY: Final = re.compile(
    r"lorem ipsum|dolor sit amet|ダミー(?:テキスト|文章|の文|原稿|画像|です)|(?:本文|テキスト|見出し|キャプション)が入ります"
    r"|ここに(?:本文|テキスト|文章|見出し|タイトル|説明|写真|画像|キャプション)(?:が入り?(?:ます|る)|$)"
    r"|ここに(?:本文|テキスト|見出し|タイトル|キャプション|リンク|URL)を(?:入れ|挿入|入力)"
    r"|(?-i:\b(?:TODO|FIXME)\b(?=\s{0,3}[:：（(]|\s{0,3}$)|(?:^|[【\[（(「])(?:TODO|FIXME)\b(?! list))"
    r"|\b(?:your|insert|enter|add) (?:text|title|heading|caption|copy|link|name) here\b(?=[\s.)\]]*$)"
    r"|\[insert\b[^\]\n]{0,40}\](?!\()|\[your (?:name|text|title|link|date|logo)\](?!\()|\{\{[^}\n]{1,40}\}\}|(?-i:%%?[A-Z][A-Z_]{2,}%%?)",
    re.I,
)
_PLACEHOLDER: Final = re.compile(
    r"[〇○◯●△▲□■◇◆×✕]{2,}(?!$)|[〇○◯●△■XxＸ]{1,2}月[〇○◯●△■XxＸ]{1,2}日|[〇○◯●]{1,2}(?:時|人|名|年|円|件)(?=[〇○◯●からまでのを、。）]|$)|(?<![A-Za-z])X{3,}(?![A-Za-z])|(?<![A-Za-z])x{3,}(?![A-Za-z])"
    r"|\bTB[DC]\b|要確認|確認中(?=[）)】\]])|【\s*(?:仮|未定|要?修正|差し?替え?|校正中|調整中|あとで)[^】]{0,8}】|[（(]仮[）)]|[?？]{3,}"
)
_RULE_OF_SIGNS: Final = re.compile(r"^[\s〇○◯●△▲□■◇◆×✕…・*＊=＝\-－ー─━]+$")
# Alone in a line: the furniture of web pages.
_FURNITURE: Final = frozenset(
    [
        "メニュー",
        "ログイン",
        "ログアウト",
        "シェア",
        "シェアする",
        "ツイート",
        "ツイートする",
        "ポストする",
        "いいね!",
        "いいね！",
        "トップへ戻る",
        "ページトップへ",
        "ページの先頭へ戻る",
        "ページトップ",
        "サイトマップ",
        "前の記事",
        "次の記事",
        "前の記事へ",
        "次の記事へ",
        "コメントを残す",
        "印刷する",
        "本文へスキップ",
        "コンテンツへスキップ",
        "お気に入りに追加",
        "関連記事",
        "lineで送る",
        "facebookでシェア",
        "facebookでシェアする",
        "はてなブックマーク",
        "同意する",
        "すべて許可",
        "cookieの設定",
        "cookie設定",
        "続きを表示",
        "share",
        "tweet",
        "menu",
        "log in",
        "login",
        "log out",
        "sign in",
        "sign up",
        "skip to content",
        "skip to main content",
        "back to top",
        "share this",
        "share this article",
        "share on facebook",
        "share on twitter",
        "share on x",
        "tweet this",
        "print this page",
        "previous article",
        "next article",
        "leave a comment",
        "accept all cookies",
        "accept cookies",
        "accept all",
        "cookie settings",
        "manage cookies",
        "advertisement",
        "related articles",
        "read next",
        "show more",
        "load more",
        "toggle navigation",
        "close menu",
        "click to enlarge",
    ]
)
_ON_LINKS: Final = frozenset(
    [
        "シェア",
        "シェアする",
        "ツイート",
        "ツイートする",
        "トップへ戻る",
        "ページトップへ",
        "本文へスキップ",
        "コンテンツへスキップ",
        "lineで送る",
        "facebookでシェア",
        "facebookでシェアする",
        "share",
        "tweet",
        "skip to content",
        "skip to main content",
        "back to top",
        "share on facebook",
        "share on twitter",
        "share on x",
    ]
)
_SHARES: Final = re.compile(
    r"^(?:share (?:on|via|to)|tweet|skip to|back to top|log ?in|sign in|menu|print this|accept (?:all )?cookies|"
    r"this (?:web)?site uses cookies|we use cookies|当サイトでは(?:Cookie|クッキー)|このサイトは(?:Cookie|クッキー))",
    re.I,
)
_OF_MAIL: Final = re.compile(
    r"-{3}\s{0,3}(?:Original|Forwarded) [Mm]essage\s{0,3}-{3}|-{3}\s{0,3}(?:元の|転送)メッセージ|Begin forwarded message|Sent from my (?:iPhone|iPad|Galaxy|Android|mobile)|"
    r"(?:iPhone|iPad|Android|スマートフォン)から送信|Outlook for (?:iOS|Android)|View (?:this (?:email|mail|message) )?in (?:your )?browser|"
    r"(?:ブラウザー?で(?:表示|見る|ご覧)|正しく表示されない場合|うまく表示されない(?:場合|方))|\[cid:[^\]]{1,200}\]|\[(?:image|画像|inline image|logo)(?::[^\]]{0,200})?\](?!\()|^Image:\s|"
    r"^On .{6,80} wrote:$|^>{1,3} \S|&(?:nbsp|amp|lt|gt|quot);|&#\d{2,5};|<(?:br|p|div|span|b|strong)\b|"
    r"(?:^|\s)(?:From|差出人)\s{0,3}[:：].{3,80}(?:Subject|件名)\s{0,3}[:：]",
    re.S | re.I,
)
_LEAVE: Final = re.compile(
    r"unsubscribe|配信停止|配信解除|購読(?:を)?(?:停止|解除)|manage (?:your )?preferences", re.I
)
_LONGEST_FURNITURE: Final = 40
_HEADING_SIGNS: Final = 30
_BOLD: Final = re.compile(r"^<strong>(?:(?!</?strong>).)*</strong>$", re.S)
_NO_HEADING: Final = re.compile(r"[。．.!！?？:：、,\d０-９]|</?a\b")
_WIDE_HEADING: Final = re.compile(r"^＃[^＃\s]{2,30}$")


def dummies(case: Case) -> Iterator[Finding]:
    """Words that were to be replaced; nobody means them."""
    yield from _each(
        "dummy_text", case, lambda text: [excerpt(text, m.start(), m.end()) for m in _DUMMY.finditer(text)]
    )


def placeholders(case: Case) -> Iterator[Finding]:
    yield from _each("placeholder_text", case, _placeholders)


def _placeholders(text: str) -> list[str]:
    if _RULE_OF_SIGNS.match(text) or _DUMMY.search(text):
        return []
    found = [m for m in _PLACEHOLDER.finditer(text) if not _is_decoration(text, m)]
    return [excerpt(text, m.start(), m.end()) for m in found]


def _is_decoration(text: str, match: re.Match[str]) -> bool:
    """「■■ お知らせ ■■」 is drawn; 「○○さん」 and 「◯◯の日」 may be, and are told."""
    return match[0][0] in "■●◆◇□▲△×✕" and (match.start() == 0 or match.end() == len(text))


def _each(code: str, case: Case, find: Callable[[str], list[str]]) -> Iterator[Finding]:
    for language, part in case.each_part():
        yield from told(code, language, part.key, [said for run in part.runs for said in find(run.text)])
    for language, proof in case.proofs.items():
        for name, text in fields(proof.letter):
            yield from told_of_field(code, language, name, find(text))


def pasted(case: Case) -> Iterator[Finding]:
    """“Skip to content”, 「シェアする」, “Sent from my iPhone”: copied along with a text."""
    for language, part in case.each_part():
        found = [
            shortened(run.text)
            for run in part.runs
            if run.kind is not Kind.ALT and _is_furniture(run.text, run.kind)
        ]
        found += [shortened(m[0]) for run in part.runs if (m := _OF_MAIL.search(run.text))]
        yield from told("pasted_chrome", language, part.key, found)


def _is_furniture(text: str, kind: Kind) -> bool:
    line = text.strip().rstrip("»›→>").strip()
    if kind not in (Kind.TEXT, Kind.LABEL) or len(line) > _LONGEST_FURNITURE:
        return False
    if kind is Kind.LABEL:
        return line.lower() in _ON_LINKS
    return line.lower() in _FURNITURE or bool(
        (_SHARES.match(line) and len(line.split()) <= 8) or _LEAVE.search(line)
    )


# ── what looks like a heading ───────────────────────────────────────────────────────────────────


def headings(case: Case) -> Iterator[Finding]:
    """A line in bold is no heading: no screen reader finds it, and it looks unlike the others."""
    for language, part in case.each_part():
        blocks = part.blocks
        bold = [
            block.text.plain
            for block, following in pairwise(blocks)
            if isinstance(block, Paragraph) and _looks_like_heading(block) and _goes_on(following)
        ]
        yield from told("heading_jump", language, part.key, map(shortened, bold))
        empty = [
            block.text.plain
            for block, following in pairwise([*blocks, None])
            if isinstance(block, SubHeading) and (following is None or isinstance(following, SubHeading))
        ]
        yield from told("heading_empty", language, part.key, map(shortened, empty))


def _looks_like_heading(block: Paragraph) -> bool:
    plain = block.text.plain.strip()
    if _WIDE_HEADING.match(plain):
        return True
    short = len(plain) <= _HEADING_SIGNS * (1 if re.search(r"[ぁ-ヴ一-龠]", plain) else 2)
    return bool(_BOLD.match(block.text.html.strip())) and short and not _NO_HEADING.search(plain)


def _goes_on(block: Block) -> bool:
    return isinstance(block, (Paragraph, ListBlock, Quote, Table, Figure, Gallery)) and not (
        isinstance(block, Paragraph) and _looks_like_heading(block)
    )


CHECKS: Final[tuple[Check, ...]] = (dummies, placeholders, pasted, headings)
