"""Do two domains belong to one organisation? What DMARC asks of From and of the signature or the return path.

Owns the organisational domain, by the public suffix list that comes with a package: the check works without a
network. Called by the gate (`checks.senders`) and by `mailer check` (bootstrap).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import idna

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def aligned(one: str, other: str) -> bool:
    """Relaxed alignment (RFC 9989): news.example.org, mail.example.org and example.org are of one organisation.

    A receiver finds the organisation by the nearest DMARC records; without asking DNS the public suffix list
    tells the same of all but a few. A name under an unknown top-level domain is judged as under `com`.
    """
    one, other = _written(one), _written(other)
    return bool(one) and (one == other or (_organisation(one) or one) == (_organisation(other) or other))


def _written(domain: str) -> str:
    """As it stands on the wire; what is no domain stays as it was typed."""
    typed = domain.strip().rstrip(".").lower()
    try:
        return idna.encode(typed, uts46=True).decode()
    except idna.IDNAError:
        return typed


def _organisation(domain: str) -> str | None:
    found: str | None = _suffixes().privatesuffix(domain)
    return found


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # 0.1 s and 2 MB: only where it is asked

    return PublicSuffixList()
