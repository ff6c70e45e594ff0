"""The optional check of links over the network: does what the letter points to still answer?

Owns which links are asked, how many at a time, and what an answer means. Judges nothing else and is never part of
*approve*: a site that sleeps tonight must not hold an issue. Called by `issues check --links`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Final
from urllib.parse import urldefrag, urlsplit

from mailer.composer.model import Finding, Issue
from mailer.composer.text import markdown, walk
from mailer.composer.text.links import LinkKind, kind_of

from .codes import finding
from .fetch import Answer, fetch
from .reading import where

HOSTS_AT_ONCE: Final = 8  # one request at a time to each
LONGEST_SECONDS: Final = 180.0  # for all; what was not asked by then is unsure
_GONE: Final = (404, 410)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a link stands first."""

    url: str
    label: str
    language: str
    section: str | None


def places(issue: Issue, zone: str) -> list[Place]:
    """Every web address of every language, each once."""
    found: dict[str, Place] = {}
    for language in issue.languages:
        if language in issue.texts:
            letter, _ = markdown.read(issue, language, zone)
            for key, top in walk.parts(letter):
                for label, url in walk.links(top):
                    if kind_of(url) is LinkKind.WEB:
                        found.setdefault(urldefrag(url).url, Place(url, label, language, key))
    return list(found.values())


def check(
    asked: Iterable[Place],
    done: Callable[[int], None] = lambda count: None,
    *,
    ask: Callable[[str], Answer] = fetch,
    seconds: float = LONGEST_SECONDS,
) -> list[Finding]:
    """`done` is told how many have been asked, for a bar of progress."""
    by_host: dict[str, list[Place]] = defaultdict(list)
    for place in asked:
        by_host[urlsplit(place.url).netloc.lower()].append(place)
    until = monotonic() + seconds
    answers: dict[str, Answer] = {}

    def visit(those: list[Place]) -> None:
        for place in those:
            answers[place.url] = ask(place.url) if monotonic() < until else Answer(place.url, 0, "time")
            done(len(answers))

    with ThreadPoolExecutor(HOSTS_AT_ONCE) as pool:
        list(pool.map(visit, by_host.values()))
    offline = len(by_host) > 1 and all(one.reason.startswith("name") for one in answers.values())
    ordered = [place for those in by_host.values() for place in those]
    return [found for place in ordered for found in _judged(place, answers, offline=offline)]


def _judged(place: Place, answers: Mapping[str, Answer], *, offline: bool) -> Iterator[Finding]:
    answer = answers[place.url]
    stands = where(place.language, place.section)
    facts = {"url": place.url, "label": place.label}
    if answer.status in _GONE or (answer.reason == "name" and not offline):
        reason = answer.reason or "status"
        yield finding(
            "link_broken", place.language, place.section, stands, **facts, status=answer.status, reason=reason
        )
    elif answer.status == 0 or answer.status >= 400:
        reason = "name_later" if answer.reason == "name" else answer.reason or "status"
        yield finding(
            "link_unsure", place.language, place.section, stands, **facts, status=answer.status, reason=reason
        )
    elif answer.permanent and _plain(answer.url) != _plain(place.url):
        yield finding("link_moved", place.language, place.section, stands, **facts, target=answer.url)


def _plain(url: str) -> str:
    """Without what redirects add for tidiness: https, a slash at the end, a fragment."""
    return urldefrag(url).url.rstrip("/").removeprefix("https://").removeprefix("http://")
