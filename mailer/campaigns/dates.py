"""The gate's second look at dates: does a link of the issue end before the last reader has the mail?

*Approve* judges by the issue's date; here the predicted finish counts, because a rented account may need days.
Reads what was frozen, composes nothing: a sender process loads this. Called by `orders` and `launch`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

from sqlalchemy.engine import Connection

from mailer.campaigns import newsletters
from mailer.composer import frozen, resources
from mailer.composer import store as issues
from mailer.errors import Refused
from subscribers import audience
from subscribers.audience import Audience

LINK_ENDED = "link_ended"  # the finding of the gate that says the same by the issue's date

# (newsletter, people, start) → when the last of them has it; None: no relay takes its mail
Finish = Callable[[Connection, str, int, datetime], datetime | None]


@dataclass(frozen=True, slots=True)
class EndsEarly:
    name: str  # as the reader sees it
    until: date  # the last day, in the site's zone
    finish: datetime

    def facts(self, slug: str) -> dict[str, object]:
        """As they stand in JSON."""
        return {
            "issue": slug, "name": self.name, "until": self.until.isoformat(), "finish": self.finish.isoformat(),
        }  # fmt: skip


def ends_early(
    connection: Connection, slug: str, list_ids: Sequence[int], start: datetime, finish: Finish
) -> EndsEarly | None:
    """The first link or file of the frozen editions that is over before everybody has the mail.

    None too if somebody passed `link_ended` when this text was approved.
    """
    approval = issues.approval(connection, slug)
    if approval is None or any(one["code"] == LINK_ENDED for one in approval.passed):
        return None
    dated = resources.dated(connection, slug)
    if not dated:
        return None
    people = sum(group.people for group in audience.groups(connection, Audience(tuple(list_ids)), start))
    newsletter = newsletters.of_issue(connection, issues.id_of(connection, slug))
    ends = finish(connection, newsletter, people, start)
    if ends is None:
        return None
    over = [(language, one) for language, one in dated if one.ends_at is not None and one.ends_at <= ends]
    pages = _pages(connection, slug) if over else {}
    for language, one in over:
        address = f'/r/{slug}/{language}/{quote(one.name)}"'
        if one.until is not None and address in pages.get(language, ""):  # earlier editions had others
            return EndsEarly(one.label, one.until, ends)
    return None


def refused(slug: str, early: EndsEarly) -> Refused:
    return Refused(
        f"“{early.name}” in issue {slug} ends on {early.until}, and sending would last until {early.finish}.",
        remedy="Give it a later date and approve again, or let it pass: "
        f"mailer issues approve {slug} --pass {LINK_ENDED} --reason …",
        key="link_ends_early", slug=slug, name=early.name, until=early.until, finish=early.finish,
    )  # fmt: skip


def _pages(connection: Connection, slug: str) -> dict[str, str]:
    ids = frozen.frozen(connection, issues.id_of(connection, slug))
    editions = frozen.load_many(connection, ids.values())
    return {language: editions[edition_id].html for language, edition_id in ids.items()}
