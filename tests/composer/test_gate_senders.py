"""The gate on who the mail says it is from: does From stand beside the signature or the return path?"""

from __future__ import annotations

from datetime import date

import pytest

from mailer.composer.alignment import aligned
from mailer.composer.checks import SenderFacts, senders
from mailer.composer.checks.case import Case
from mailer.composer.model import Finding


def found(facts: SenderFacts) -> list[Finding]:
    case = Case(None, None, None, facts, {}, date(2034, 12, 20))  # type: ignore[arg-type]
    return list(senders.alignment(case))


@pytest.mark.parametrize(
    ("one", "other", "related"),
    [
        ("example.org", "example.org", True),
        ("Example.ORG.", "mail.example.org", True),
        ("news.example.org", "mail.example.org", True),  # sisters: no parent and child
        ("example.co.jp", "other.co.jp", False),  # co.jp is everybody's
        ("example.or.jp", "enews.example.or.jp", True),
        ("a.city.yokohama.jp", "b.city.yokohama.jp", True),  # an exception in the list of suffixes
        ("a.yokohama.jp", "b.yokohama.jp", False),
        ("example.org", "notexample.org", False),
        ("news.harbour.example", "mail.harbour.example", True),  # an unknown top-level domain
        ("港.example", "xn--j6w.example", True),  # typed and on the wire
        ("", "example.org", False),
        ("localhost", "localhost", True),
    ],
)
def test_domains_of_one_organisation_are_aligned(one: str, other: str, related: bool) -> None:
    assert aligned(one, other) is related
    assert aligned(other, one) is related


@pytest.mark.parametrize(
    ("signing", "envelope", "held"),
    [
        ("example.org", "bounces.elsewhere.example", False),  # our signature is enough
        ("elsewhere.example", "bounces.example.org", False),  # so is the return path
        ("elsewhere.example", "", False),  # fixed or plus: the return path is From's own
        ("", "bounces.elsewhere.example", False),  # the relay signs: nobody knows with what
        ("", "", False),
        ("elsewhere.example", "bounces.elsewhere.example", True),
    ],
)
def test_a_sender_that_neither_signature_nor_return_path_speak_for_holds(
    signing: str, envelope: str, held: bool
) -> None:
    facts = SenderFacts("news@example.org", "smtp.example.net", signing, envelope)
    assert [one.code for one in found(facts)] == (["sender_unaligned"] if held else [])
