"""Errors of the subscriber store.

    SubscriberError
    ├── BadAddress        the text is no address that mail can be sent to
    ├── BadLanguage       the text names no language
    ├── BadList           the slug cannot stand in a URL and a List-Id
    ├── UnknownList       no list of that slug
    ├── UnknownSubscriber nobody of that address or reference
    ├── AlreadyThere      the slug or address is taken
    ├── Suppressed        the address must never be mailed
    ├── Erased            the person asked to be erased; no import or form by staff brings them back
    ├── NoConsent         an import that does not say with which words people agreed
    └── BadTable          the file to import is no table, or holds no column of addresses

An error carries a `code` and its facts; the text in each language is the caller's
(`mailer.i18n`, key `error.<code>`). `str()` is an English sentence for logs and tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class SubscriberError(Exception):
    """Root of the tree. `code` is stable; `facts` fill the sentence."""

    code: ClassVar[str] = "subscriber_error"

    def __init__(self, sentence: str, *, reason: str = "", **facts: object) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.facts: Mapping[str, object] = {"reason": reason, **facts} if reason else facts


class BadAddress(SubscriberError):
    code = "bad_address"


class BadLanguage(SubscriberError):
    code = "bad_language"


class BadList(SubscriberError):
    code = "bad_list"


class UnknownList(SubscriberError):
    code = "unknown_list"


class UnknownSubscriber(SubscriberError):
    code = "unknown_subscriber"


class AlreadyThere(SubscriberError):
    code = "already_there"


class Suppressed(SubscriberError):
    code = "suppressed"


class Erased(SubscriberError):
    code = "erased"


class NoConsent(SubscriberError):
    code = "no_consent"


class BadTable(SubscriberError):
    code = "bad_table"
