"""Checks of who the mail says it is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from mailer.composer.alignment import aligned
from mailer.composer.model import Finding

from .case import Case, Check
from .codes import finding

_GOOGLE: Final = ("gmail.com", "google.com", "googlemail.com")
_YAHOO_JAPAN: Final = ("yahoo.co.jp", "ymail.ne.jp")
_YAHOO: Final = ("yahoo.com", "yahoodns.net", "aol.com")
_MICROSOFT: Final = ("office365.com", "outlook.com", "hotmail.com", "live.com")
_APPLE: Final = ("me.com", "icloud.com", "apple.com")
# Domain → whose relays may send for it. Everyone else fails DMARC alignment there (F52).
FREE_MAIL: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("gmail.com", "googlemail.com"), _GOOGLE),
    **dict.fromkeys(("yahoo.co.jp", "ymail.ne.jp"), _YAHOO_JAPAN),
    **dict.fromkeys(("yahoo.com", "ymail.com", "rocketmail.com", "aol.com"), _YAHOO),
    **dict.fromkeys(("outlook.com", "outlook.jp", "hotmail.com", "hotmail.co.jp", "live.com", "live.jp", "msn.com"), _MICROSOFT),
    **dict.fromkeys(("icloud.com", "me.com", "mac.com"), _APPLE),
    **{
        domain: (domain,)
        for domain in (
            "docomo.ne.jp", "ezweb.ne.jp", "au.com", "softbank.ne.jp", "i.softbank.jp", "ymobile.ne.jp", "nifty.com",
            "biglobe.ne.jp", "ocn.ne.jp", "excite.co.jp", "gmx.com", "gmx.de", "gmx.net", "web.de", "mail.ru",
            "yandex.ru", "naver.com", "qq.com", "163.com", "126.com", "proton.me", "protonmail.com", "zoho.com",
        )
    },
}  # fmt: skip


def sender(case: Case) -> Iterator[Finding]:
    """F52: a From at a free-mail provider through any other relay is refused or filed as spam."""
    local, _, domain = case.sender.email.rpartition("@")
    if not local or "." not in domain:
        yield finding("sender_missing", where="sender.email", email=case.sender.email)
        return
    provider = FREE_MAIL.get(domain.lower())
    relay = case.sender.relay_host.lower().rstrip(".")
    if provider and not any(relay == own or relay.endswith(f".{own}") for own in provider):
        facts = {"email": case.sender.email, "domain": domain.lower(), "relay": relay}
        yield finding("free_mail_sender", where="sender.email", **facts)


def alignment(case: Case) -> Iterator[Finding]:
    """DMARC wants From to be of one organisation with the signature or with the return path (RFC 9989).

    Where the relay signs, nobody here knows with which domain: nothing is said.
    """
    who = case.sender
    domain = who.email.rpartition("@")[2]
    if not (domain and who.signing_domain and who.envelope_domain):
        return
    if not aligned(domain, who.signing_domain) and not aligned(domain, who.envelope_domain):
        facts = {"email": who.email, "signing": who.signing_domain, "envelope": who.envelope_domain}
        yield finding("sender_unaligned", where="sender.email", **facts)


CHECKS: Final[tuple[Check, ...]] = (sender, alignment)
