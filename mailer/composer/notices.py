"""The notices that there are: whom each is for and what its templates ask for.

Owns the list and the refusal of a value that is missing or unknown. Words and layout are `templates/notices/`;
invented values are `notice_samples`. Called by `editions.compose_notice` and by whoever enqueues or shows notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mailer import i18n

# text: plain words, formatted in the notice's language · address: a mail address, host or domain, always left to
# right · url: https or mailto · lines: one thing a line · count: a whole number, chosen by plural forms, never a slot
ValueKind = Literal["text", "address", "url", "lines", "count"]

STAFF_LANGUAGES: Final = ("ja", "en")  # what the tool itself speaks

VALUES: Final[Mapping[str, ValueKind]] = {
    "address": "address",  # of whom it goes to; @@EMAIL@@ when composed once for all
    "approve_url": "url",
    "asked_by": "text",  # the colleague's name
    "changed_at": "text",
    "changes": "lines",  # what differs from the last request or issue
    "confirm_url": "url",
    "days": "count",  # until the date; 0 = today
    "desk_url": "url",  # where the issue is worked on
    "finish": "text",  # when the last mail will have left, predicted
    "in_the_way": "lines",  # what is missing before it may leave
    "issue": "text",  # 第84号, No. 84
    "leave_url": "url",
    "left_at": "text",
    "letter": "text",  # name of the list, perhaps with how often it comes
    "new_language": "text",  # named in itself
    "newest_title": "text",
    "newest_url": "url",
    "next_on": "text",  # day of the next issue
    "old_language": "text",
    "old_language_tag": "text",  # BCP 47; the way back is said in this language, too
    "others": "text",  # lists that go on, joined
    "people": "text",  # how many would get the issue: "2,053"
    "preferences_url": "url",
    "relay": "address",
    "requested_at": "text",
    "reset_url": "url",
    "return_url": "url",  # where somebody can sign up again
    "send_on": "text",  # when the issue leaves
    "sender_domain": "address",
    "sent_at": "text",
    "slug": "address",
    "subjects": "lines",  # "en …": tag and subject, one edition a line
    "undo_url": "url",
    "valid_until": "text",
}


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """`needs` must be given; `may` can be "" or left out: an office without a web server, a first request."""

    name: str
    audience: Literal["subscriber", "staff"]
    needs: tuple[str, ...]
    may: tuple[str, ...] = ()
    # As `message.headers.Stationery` takes it: Auto-Submitted: auto-generated (RFC 3834 §5), no List-Unsubscribe.
    stream: Literal["notice"] = "notice"

    @property
    def languages(self) -> tuple[str, ...]:
        return i18n.catalogues() if self.audience == "subscriber" else STAFF_LANGUAGES

    @property
    def needs_web(self) -> bool:
        """Whether an office without a web server cannot send it; leaving works by mailto."""
        return any(VALUES[name] == "url" for name in self.needs if name != "leave_url")

    def values(self, given: Mapping[str, str]) -> dict[str, str]:
        """`given` with "" for what may be left out. Raises ValueError that names what is missing or unknown."""
        known = {*self.needs, *self.may}
        missing = [name for name in self.needs if not given.get(name)]
        unknown = sorted(given.keys() - known)
        wrong = [
            name for name in known & given.keys() if VALUES[name] == "count" and not given[name].isdecimal()
        ]
        faults = [("lacks", missing), ("does not know", unknown), ("wants a whole number for", wrong)]
        told = [f"{what} {', '.join(names)}" for what, names in faults if names]
        if told:
            raise ValueError(f"the notice “{self.name}” {'; it '.join(told)}")
        return dict.fromkeys(self.may, "") | dict(given)


NOTICES: Final[Mapping[str, NoticeKind]] = {
    kind.name: kind
    for kind in (
        NoticeKind(
            "confirm", "subscriber", ("address", "confirm_url", "letter", "requested_at", "valid_until")
        ),
        NoticeKind(
            "confirm_reminder",
            "subscriber",
            ("address", "confirm_url", "letter", "requested_at", "valid_until"),
        ),
        NoticeKind(
            "welcome",
            "subscriber",
            ("address", "leave_url", "letter", "sender_domain"),
            ("newest_title", "newest_url", "next_on", "preferences_url"),
        ),
        NoticeKind("goodbye", "subscriber", ("address", "left_at", "letter"), ("others", "return_url")),
        NoticeKind(
            "language_changed",
            "subscriber",
            (
                "address",
                "changed_at",
                "letter",
                "new_language",
                "old_language",
                "old_language_tag",
            ),
            ("undo_url",),
        ),
        NoticeKind(
            "approval_request",
            "staff",
            ("asked_by", "people", "finish", "issue", "send_on", "slug", "subjects", "valid_until"),
            ("approve_url", "changes"),
        ),
        NoticeKind(
            "approval_reminder",
            "staff",
            ("days", "in_the_way", "issue", "send_on", "slug"),
            ("desk_url",),
        ),
        NoticeKind("password", "staff", ("address", "requested_at", "reset_url", "valid_until")),
        NoticeKind("test", "staff", ("address", "relay", "sent_at")),
    )
}


def kind(name: str) -> NoticeKind:
    """Raises ValueError for a notice that there is not."""
    if name not in NOTICES:
        raise ValueError(f"there is no notice “{name}”, only {', '.join(NOTICES)}")
    return NOTICES[name]
