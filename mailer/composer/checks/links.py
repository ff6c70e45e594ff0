"""Checks of links as they are written: where they lead, what their words say.

Opens nothing; over the network another check looks, when it is asked to.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

from mailer.composer.model import Finding
from mailer.composer.text import walk
from mailer.composer.text.links import LinkKind, kind_of, readable

from .case import Case, Check
from .codes import finding
from .marks import broken_marks
from .reading import shortened, told, where

# RFC 6761, RFC 8375; names that no reader's computer can find.
_NO_HOST: Final = re.compile(
    r"(?:^|\.)(?:local|localhost|test|invalid|lan|localdomain)$|^(?:host|hostname|server|domain|url)$", re.I
)
_TO_FILL_IN: Final = re.compile(
    r"^(?:https?://)?(?:(?:ここ|こちら)?に?(?:url|リンク先?|アドレス)(?:を?(?:入れる|入力|貼る|挿入))?|(?:your|insert|paste|add)[-_ ]?(?:url|link)[-_ ]?(?:here)?|x{3,}|[〇○●]{2,}|\.{3}|…)/?$",
    re.I,
)
# example.org is a name that documents may use; as a whole address with such a path it was never filled in.
_EXAMPLE_HOST: Final = re.compile(r"^(?:www\.)?example\.(?:com|org|net|jp|co\.jp)$", re.I)
_EXAMPLE_PATH: Final = re.compile(
    r"(?:^|[/=_-])(?:x{2,}|y{3,}|z{3,}|todo|tbd|foo|bar|dummy|sample|hoge|placeholder|ダミー|〇+|○+)(?:$|[/._?-])",
    re.I,
)
_BLANK_MAIL: Final = re.compile(r"(?:^|[@.])(?:x{3,}|[〇○●◯]{2,})(?:$|[@.])", re.I)
_BLANK_PATH: Final = re.compile(r"[〇○●◯]{2,}")
_CLICK_HERE: Final = re.compile(
    r"^(?:please )?(?:click|tap|press) (?:here|on this link)(?: (?:to|for) (?:more|read|see|view|apply|register|download|book|join|open it|read more|sign up|learn more|find out more|details|more details|more information))?$",
    re.I,
)
_LONG_ADDRESS: Final = 40
_SAYS_NOTHING: Final = frozenset(
    ["こちら", "コチラ", "ココ", "続きを読む", "詳しくはコチラ", "詳細はコチラ", "詳しく見る", "こちらへ", "こちらから", "こちらをご覧ください", "こちらをクリック", "ここ", "ここから", "ここをクリック", "クリック", "リンク", "リンク先", "詳細", "詳しく", "詳しくは", "詳しくはこちら", "詳しくはこちらから", "詳細はこちら", "詳細はこちらから", "続き", "続きはこちら", "もっと見る", "もっと", "url", "here", "click", "clickhere", "here!", "link", "more", "readmore", "this", "thislink", "thispage", "learnmore", "details", "more…", "more...", "seehere", "clickhereformore", "taphere", "followthislink", "findoutmore", "page"]
)  # fmt: skip
_DECORATION: Final = re.compile(r"[\s\ufe0e\ufe0f　»›→⇒＞>≫▶►・。．.!！:：「」『』【】\[\]()（）]+")


def dead(case: Case) -> Iterator[Finding]:
    for language, proof in case.proofs.items():
        keys = {f"#{section.key}" for section in proof.letter.sections}
        for key, top in walk.parts(proof.letter):
            for label, url in walk.links(top):
                if is_dead(url) or (kind_of(url) is LinkKind.ANCHOR and url not in keys):
                    yield finding(
                        "dead_link",
                        language,
                        key,
                        where(language, key),
                        url=shortened(readable(url)),
                        label=shortened(label),
                    )


def is_dead(url: str) -> bool:
    """A placeholder, or an address that only works in the author's own room."""
    kind, plain = kind_of(url), unquote(url).strip()
    if kind is LinkKind.DEAD or _TO_FILL_IN.match(plain):
        return True
    if kind is LinkKind.MAIL:
        return _is_dead_mail(plain.partition(":")[2].partition("?")[0])
    host = _host(url)
    return kind is LinkKind.WEB and ("." not in host or bool(_NO_HOST.search(host)) or _is_private(host))


def _is_dead_mail(address: str) -> bool:
    """Without an address (`mailto:?subject=…`) the reader chooses to whom."""
    host = address.rpartition("@")[2]
    return bool(address) and ("." not in host or bool(_NO_HOST.search(host) or _BLANK_MAIL.search(address)))


def _is_private(host: str) -> bool:
    """192.168.0.10: the printer of the office, RFC 1918."""
    try:
        return not ip_address(host.strip("[]")).is_global
    except ValueError:
        return False


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def placeholders(case: Case) -> Iterator[Finding]:
    for language, proof in case.proofs.items():
        for key, top in walk.parts(proof.letter):
            found = [url for _, url in walk.links(top) if not is_dead(url) and _is_placeholder(url)]
            yield from told("placeholder_link", language, key, (shortened(readable(url)) for url in found))


def _is_placeholder(url: str) -> bool:
    kind = kind_of(url)
    if kind is LinkKind.TELEPHONE:
        return bool(re.search(r"[xX〇○]{2,}", unquote(url)))
    if kind is not LinkKind.WEB:
        return False
    parts = urlsplit(url)
    rest = unquote(f"{parts.path}?{parts.query}")
    return bool(_BLANK_PATH.search(rest)) or bool(
        _EXAMPLE_HOST.match(parts.hostname or "") and _EXAMPLE_PATH.search(rest)
    )


def words(case: Case) -> Iterator[Finding]:
    """A list of links, read aloud without the sentences around them, must still say where each leads."""
    for language, part in case.each_part():
        labels = [label for label, _ in walk.links(part.blocks) if _says_nothing(label)]
        if labels:
            broken = "\n".join(broken_marks(part))  # told as a mark that did not work
            labels = [label for label in labels if label not in broken or not label.startswith("http")]
        yield from told("link_text_empty_words", language, part.key, map(shortened, labels))


def _says_nothing(label: str) -> bool:
    plain = _DECORATION.sub("", unicodedata.normalize("NFKC", label)).lower()
    is_address = re.match(r"^https?://\S+$", label.strip()) is not None
    if _CLICK_HERE.match(" ".join(label.split()).rstrip(" .!…>»")):
        return True
    return plain in _SAYS_NOTHING or (is_address and len(label.strip()) >= _LONG_ADDRESS)


def twice(case: Case) -> Iterator[Finding]:
    """The same words on two links that lead to different places: one of them was copied and not changed."""
    for language, proof in case.proofs.items():
        for key, top in walk.parts(proof.letter):
            targets: dict[str, set[str]] = defaultdict(set)
            for label, url in walk.links(top):
                targets[label.strip()].add(url)
            same = [
                label
                for label, urls in targets.items()
                if len(urls) > 1 and label and not _says_nothing(label)
            ]
            yield from told("same_words_two_links", language, key, map(shortened, same))


CHECKS: Final[tuple[Check, ...]] = (dead, placeholders, words, twice)
