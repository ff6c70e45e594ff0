"""How a campaign's standing looks on a terminal of 80 columns: sentences, quiet tables, a bar.

Owns the words' order and the alignment, nothing else: no question to the database. Used by `watching` and by
every command that ends with the standing of a campaign.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mailer.campaigns.reasons import in_words
from mailer.i18n import Words
from subscribers.address import readable_domain

from .folding import fold
from .say import Printable, Say

if TYPE_CHECKING:
    from mailer.bootstrap import House
    from mailer.campaigns.model import Campaign
    from mailer.campaigns.status import Status
    from mailer.delivery.quiet import Quiet

_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60
_TOO_SHORT = 5.0  # seconds: a handful of mails tells no speed


def print_status(say: Say, house: "House", status: "Status") -> None:
    """The campaign as a person wants to know it: state, why, numbers, what comes next."""
    for part in sheet_of(say, house).parts(status, datetime.now(UTC)):
        if isinstance(part, str):
            print_folded(say, part)
        else:
            say.show(part)


def sheet_of(say: Say, house: "House", *, short: bool = False) -> "Sheet":
    from mailer.bootstrap import quiet_time

    return Sheet(say.words, house.config.site.time_zone, quiet_time(house.config), short=short)


def print_folded(say: Say, text: str) -> None:
    """On stdout, in lines of the terminal's width; 80 columns where there is none."""
    for line in fold(text, Console().width):
        say.text(line)


class Sheet:
    """A campaign's standing in one language: sentences and tables for 80 columns."""

    def __init__(self, words: Words, zone: str, quiet: "Quiet | None" = None, *, short: bool = False) -> None:
        self._words, self._zone, self._quiet = words, zone, quiet
        self._most = (5, 3) if short else (10, 5)  # domains, replies: a live view fits a window of 40 lines

    def parts(self, status: "Status", now: datetime) -> Iterator[str | Table]:
        yield from self._head(status)
        if status.first_copy_to and status.is_sending and status.campaign.is_closed(now):
            yield "  " + self.safety(status.campaign, status.first_copy_to)
        yield from self._course(status, now)
        if uncertain := status.counts.by_state.get("uncertain"):
            yield "  " + self._words(
                "cli.campaigns.status.uncertain", count=uncertain, campaign=status.campaign.id
            )
        blocks: tuple[Iterator[str | Table], ...] = (
            self._people(status), self._domains(status), self._replies(status),
        )  # fmt: skip
        for part in blocks:
            for number, one in enumerate(part):
                if number == 0:
                    yield ""
                yield one

    def live(self, status: "Status", still_open: int, now: datetime, width: int) -> RenderableType:
        """The same with a bar, for a terminal of so many columns."""
        total = status.counts.total
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            ProgressBar(total=max(total, 1), completed=total - still_open, width=40),
            f"{self._words.number(total - still_open)} / {self._words.number(total)}",
        )
        shown: list[RenderableType] = [
            Text("\n".join(fold(part, width))) if isinstance(part, str) else part
            for part in self.parts(status, now)
        ]
        return Printable(Group(shown[0], Padding(bar, (0, 0, 0, 2)), *shown[1:]))

    def line(self, campaign: "Campaign", still_open: int, now: datetime) -> str:
        """One line for a log: when, which, how, how many are left."""
        words = self._words
        return words(
            "cli.campaigns.status.line",
            at=words.moment(now, self._zone),
            standing=self._headline(campaign),
            count=still_open,
        ) + (f" {self.waits(campaign)}" if campaign.waits_until and str(campaign.state) == "sending" else "")

    def safety(self, campaign: "Campaign", to: str) -> str:
        """Who looks at the first copy, when the rest leaves, and how to stop it."""
        if campaign.opens_at is None:
            return self._words(
                "cli.campaigns.status.first_copies",
                to=to,
                minutes=campaign.safety_minutes,
                campaign=campaign.id,
            )
        at = self._words.moment(campaign.opens_at, self._zone)
        return self._words("cli.campaigns.status.opens", to=to, at=at, campaign=campaign.id)

    def waits(self, campaign: "Campaign") -> str:
        words = self._words
        reason = words.said(f"wait.{campaign.waits_reason}", campaign.waits_reason or "")
        until = words.moment(campaign.waits_until, self._zone) if campaign.waits_until else ""
        if reply := campaign.waits_reply:
            return words(
                "cli.campaigns.status.waits_reply",
                until=until,
                reason=reason,
                reply=reply,
                campaign=campaign.id,
            )
        return words("cli.campaigns.status.waits", until=until, reason=reason)

    def _headline(self, campaign: "Campaign") -> str:
        words = self._words
        state = words(f"state.campaign.{campaign.state}")
        return words(
            "cli.campaigns.status.headline", campaign=campaign.id, issue=campaign.issue or "–", state=state
        )

    def _head(self, status: "Status") -> Iterator[str]:
        words, campaign, counts = self._words, status.campaign, status.counts
        yield self._headline(campaign)
        if str(campaign.kind) == "rehearsal":
            yield "  " + words("cli.campaigns.status.rehearsal")
        if campaign.reason:
            yield "  " + in_words(campaign, words, self._zone)
        if str(campaign.state) == "scheduled":
            yield "  " + self._begins(campaign)
        if campaign.waits_until and status.is_sending:
            yield "  " + self.waits(campaign)
        if counts.total:
            accepted = counts.by_state.get("accepted", 0)
            yield "  " + words("cli.campaigns.status.counts", total=counts.total, accepted=accepted)
        elif campaign.launched_at:
            yield "  " + words("cli.campaigns.status.nobody")
        left_out = {**counts.excluded, **counts.skipped}
        if left_out:
            yield "  " + words("cli.campaigns.status.excluded", reasons=reasons_in_words(words, left_out))

    def _begins(self, campaign: "Campaign") -> str:
        at = self._words.moment(campaign.at, self._zone)
        until = self._quiet.until(campaign.at) if self._quiet is not None else None
        if until is None:
            return self._words("cli.campaigns.status.begins", at=at)
        return self._words(
            "cli.campaigns.status.begins_quiet", at=at, until=self._words.moment(until, self._zone)
        )

    def _people(self, status: "Status") -> Iterator[str | Table]:
        """Editions and states side by side."""
        words, counts = self._words, status.counts
        if not counts.total:
            return
        people = words("cli.campaigns.column.people")
        by_state: dict[str, int] = {}
        for state, count in counts.by_state.items():  # claimed is said like queued
            name = words(f"state.delivery.{state}")
            by_state[name] = by_state.get(name, 0) + count
        editions = self._table(words("cli.campaigns.column.language"), people, left=1)
        for language, count in counts.by_language.items():
            editions.add_row(Text(words.autonym(language)), words.number(count))
        states = self._table(words("cli.campaigns.column.state"), people, left=1)
        for name, count in by_state.items():
            states.add_row(Text(name), words.number(count))
        both = Table.grid(padding=(0, 6, 0, 0))
        both.add_row(Padding(editions, (0, 0, 0, 2)), states)
        yield both

    def _course(self, status: "Status", now: datetime) -> Iterator[str]:
        """How fast, how long, and who slows us down."""
        words, counts = self._words, status.counts
        if status.open and status.is_sending and (status.rate_now or counts.messages_per_second):
            yield "  " + words(
                "cli.campaigns.status.rate_now",
                now=self._rate(status.rate_now),
                mean=self._rate(counts.messages_per_second),
            )
        elif 0 < counts.seconds < _TOO_SHORT:
            yield "  " + words("cli.campaigns.status.seconds", seconds=round(counts.seconds, 1))
        elif counts.seconds:
            yield "  " + words(
                "cli.campaigns.status.rate",
                seconds=round(counts.seconds, 1),
                rate=round(counts.messages_per_second, 1),
            )
        if status.finish and status.is_sending:
            at = words.moment(status.finish, self._zone)
            yield "  " + words(
                "cli.campaigns.status.finish", left=left_in_words(words, status.finish - now), at=at
            )
        if status.open and status.is_sending:
            for slow in status.slowed:
                yield "  " + words(
                    "cli.campaigns.status.slowed",
                    domain=readable_domain(slow.domain),
                    rate=self._rate(slow.per_minute / 60),
                    reply=slow.reply,
                )

    def _domains(self, status: "Status") -> Iterator[str | Table]:
        words, most = self._words, self._most[0]
        if not status.domains:
            return
        states = [words(f"state.delivery.{state}") for state in ("accepted", "deferred", "refused", "queued")]
        table = self._table(
            words("cli.campaigns.column.domain"), words("cli.campaigns.column.people"), *states, left=1
        )
        listed = [one for one in status.domains if one.domain is not None]
        hidden = [*listed[most:], *(one for one in status.domains if one.domain is None)]
        for one in listed[:most]:
            numbers = (one.people, one.accepted, one.deferred, one.refused, one.open)
            table.add_row(Text(readable_domain(one.domain or "–")), *map(words.number, numbers))
        if hidden:
            sums = [
                sum(getattr(one, name) for one in hidden)
                for name in ("people", "accepted", "deferred", "refused", "open")
            ]
            others = words("cli.campaigns.status.other_domains", count=sum(one.domains for one in hidden))
            table.add_row(Text(others), *map(words.number, sums))
        yield self._indented(table)

    def _replies(self, status: "Status") -> Iterator[str | Table]:
        words = self._words
        if not status.replies:
            return
        yield "  " + words("cli.campaigns.status.replies")
        for one in status.replies[: self._most[1]]:
            code = " ".join(str(part) for part in (one.code, one.enhanced) if part)
            domain = readable_domain(one.domain) + (f" +{one.domains - 1}" if one.domains > 1 else "")
            yield "  " + "  ".join(part for part in (f"{words.number(one.times)}×", code, domain) if part)
            yield "      " + one.text

    def _table(self, *headings: str, left: int) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for index, heading in enumerate(headings):
            table.add_column(Text(heading), justify="left" if index < left else "right", overflow="fold")
        return table

    def _indented(self, table: Table) -> Table:
        around = Table.grid()
        around.add_row(Padding(table, (0, 0, 0, 2)))
        return around

    def _rate(self, per_second: float) -> str:
        """A rented account sends some twenty a minute: 0.3 a second tells nobody anything."""
        if per_second >= 1:
            return self._words("cli.campaigns.rate.second", rate=_rounded(per_second))
        return self._words("cli.campaigns.rate.minute", rate=_rounded(per_second * 60))


def reasons_in_words(words: Words, people: "Mapping[str, int]") -> str:
    """Why so many people are left out: 確認待ち 1 人、配信停止済み 2 人."""
    return words.join(
        [
            words("cli.campaigns.status.reason", reason=words.said(f"excluded.{why}", why), count=count)
            for why, count in people.items()
        ]
    )


def left_in_words(words: Words, left: timedelta) -> str:
    """About 12 minutes: two of a unit at least, so that it is never off by much."""
    seconds = max(left.total_seconds(), 1.0)
    for unit, length in (("days", _DAY), ("hours", _HOUR), ("minutes", _MINUTE)):
        if seconds >= 2 * length:
            return words(f"cli.campaigns.left.{unit}", count=round(seconds / length))
    return words("cli.campaigns.left.seconds", count=round(seconds))


def _rounded(rate: float) -> float:
    return round(rate) if rate >= 10 else round(rate, 1)
