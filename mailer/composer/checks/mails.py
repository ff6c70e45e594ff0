"""Checks of the composed mail: the legal block in both parts, size, fields, invisible characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mailer import media
from mailer.composer import editions, slots
from mailer.composer.editions import Proof
from mailer.composer.model import Finding, Identity
from subscribers.language import match

from .case import Case, Check
from .codes import finding
from .shown import Run, page_of, squeezed

# Gmail cuts a mail off behind 102 KB of decoded HTML, the unsubscribe link with it (F43).
CLIP_BYTES: Final = 100_000
LONG_BYTES: Final = 90_000
STYLE_CUT_BYTES: Final = 16_000  # Gmail drops a <style> beyond 16 KB
STYLE_LONG_BYTES: Final = 8_000
MESSAGE_BYTES: Final = 500_000  # whole message, encoded: phones and gateways turn heavier ones away
_ENVELOPE_BYTES: Final = 6_000  # headers, boundaries
_BASE64: Final = 78 / 57  # with line breaks
_C1: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_STYLE: Final = re.compile(r"<style[^>]*>(.*?)</style>", re.S | re.I)


def legal(case: Case) -> Iterator[Finding]:
    """特定電子メール法 art. 4, CAN-SPAM, CASL: name, postal address, contact and the way out, in both parts."""
    for language, proof in case.proofs.items():
        page, text = page_of(proof.edition.html), squeezed(proof.edition.text)
        seen = [squeezed(page.seen(query)) for query in page.queries]
        for name, value in _required(proof.surroundings.identity).items():
            where, wanted = f"sender.{name}", squeezed(value)
            if not wanted:
                yield finding("legal_missing", language, where=where, field=name, reason="empty")
            elif wanted not in text:
                yield finding("legal_missing", language, where=where, field=name, reason="text")
            elif any(wanted not in one for one in seen):
                code = "legal_hidden" if wanted in squeezed(page.text) else "legal_missing"
                yield finding(code, language, where=where, field=name, reason="html")


def borrowed(case: Case) -> Iterator[Finding]:
    """A legal block that a reader may not be able to read. One text for all languages is the office's own choice."""
    for language, proof in case.proofs.items():
        for field, other in proof.surroundings.identity.written:
            if match([language], [other]) is None:
                yield finding(
                    "legal_in_other_language", language, where=f"sender.{field}", field=field, other=other
                )


def _required(identity: Identity) -> dict[str, str]:
    return {
        "organisation": identity.organisation,
        "postal_address": identity.postal_address,
        "contact": identity.contact.removeprefix("mailto:"),
    }


def unsubscribe(case: Case) -> Iterator[Finding]:
    token = slots.SLOTS["UNSUBSCRIBE"].token
    for language, proof in case.proofs.items():
        page = page_of(proof.edition.html)
        if not all(any(_leads_to(token, run) for run in page.runs(query)) for query in page.queries):
            yield finding("unsubscribe_missing", language, where="mail.html", part="HTML")
        if token not in proof.edition.text:
            yield finding("unsubscribe_missing", language, where="mail.txt", part="text")


def _leads_to(token: str, run: Run) -> bool:
    return run.link == token and bool(run.text.strip()) and run.look.is_seen


def size(case: Case) -> Iterator[Finding]:
    """After inlining and with every slot at its longest (F43)."""
    for language, proof in case.proofs.items():
        longest = slots.longest_bytes(proof.edition.html)
        if longest >= LONG_BYTES:
            code = "mail_clipped" if longest >= CLIP_BYTES else "mail_long"
            section, title = _longest_section(case, proof)
            facts = {"size_kb": round(longest / 1000), "limit_kb": CLIP_BYTES // 1000, "title": title}
            yield finding(code, language, section, "mail.html", **facts)
        style = sum(len(block.encode()) for block in _STYLE.findall(proof.edition.html))
        if style >= STYLE_LONG_BYTES:
            code = "style_cut" if style >= STYLE_CUT_BYTES else "style_long"
            yield finding(
                code,
                language,
                where="theme.css",
                size_kb=round(style / 1000),
                limit_kb=STYLE_CUT_BYTES // 1000,
            )


def _longest_section(case: Case, proof: Proof) -> tuple[str | None, str]:
    """Which one to shorten or to move."""
    language = proof.letter.language
    written = [(len(s.texts[language].body), s.key) for s in case.issue.sections if language in s.texts]
    if not written:
        return None, proof.letter.title
    key = max(written)[1]
    return key, next(s.title.plain for s in proof.letter.sections if s.key == key)


def weight(case: Case) -> Iterator[Finding]:
    for language, proof in case.proofs.items():
        edition = proof.edition
        embedded = media.facts(case.connection, [picture.blob for picture in edition.pictures])
        parts = [
            len(edition.html.encode()),
            len(edition.text.encode()),
            *(b.size_bytes for b in embedded.values()),
        ]
        total = _ENVELOPE_BYTES + round(sum(parts) * _BASE64)
        if total > MESSAGE_BYTES:
            size_kb, limit_kb = round(total / 1000), MESSAGE_BYTES // 1000
            yield finding("mail_heavy", language, where="mail.eml", size_kb=size_kb, limit_kb=limit_kb)
        budget = case.press.pictures_budget_bytes
        if not proof.album.met_budget:
            size_kb, budget_kb = round(proof.album.size_bytes / 1000), budget // 1000
            yield finding("pictures_heavy", language, where="images/", size_kb=size_kb, budget_kb=budget_kb)


def fields(case: Case) -> Iterator[Finding]:
    for language, proof in case.proofs.items():
        for name in sorted(editions.unknown_slots(proof.edition)):
            yield finding("unknown_slot", language, where="mail.html", name=name)


def controls(case: Case) -> Iterator[Finding]:
    """Gmail clips a mail at a C1 control, whatever its size; PostgreSQL refuses NUL."""
    for language, proof in case.proofs.items():
        edition = proof.edition
        for part, text in (
            ("subject", edition.subject),
            ("mail.html", edition.html),
            ("mail.txt", edition.text),
        ):
            if match := _C1.search(text):
                yield finding("control_in_mail", language, where=part, character=f"U+{ord(match[0]):04X}")


CHECKS: Final[tuple[Check, ...]] = (legal, borrowed, unsubscribe, size, weight, fields, controls)
