"""campaigns rehearse: the whole send with the real audience, and not one mail outside."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from mailer.i18n import Words

from .main import Desk
from .say import Say
from .sheet import left_in_words, print_folded, print_status, reasons_in_words

if TYPE_CHECKING:
    from mailer.campaigns.rehearsal import Rehearsed


def add_rehearse(group: typer.Typer, said: Words) -> None:
    @group.command("rehearse", help=said("cli.campaigns.rehearse.help"))
    def rehearse(
        ctx: typer.Context,
        slug: str = typer.Argument(metavar="SLUG", help=said("cli.issues.slug")),
        lists: list[str] = typer.Option(
            ..., "--list", metavar="LIST", help=said("cli.campaigns.list_option")
        ),
        again: bool = typer.Option(False, "--again", help=said("cli.campaigns.again"), show_default=False),
    ) -> None:
        from mailer.bootstrap import (
            SystemClock,
            clock_rules,
            finish_if_begun,
            rehearsal_sender,
            require_relay,
        )
        from mailer.campaigns import newsletters, rehearsal
        from mailer.campaigns.model import Order
        from mailer.delivery.routes import NO_LIST
        from subscribers.database import reading

        desk: Desk = ctx.obj
        house = desk.house()
        require_relay(house)
        seen: list[int] = []
        with desk.say.progress("cli.campaigns.rehearse.progress", None) as show:

            def progress(still_open: int) -> None:
                seen.append(still_open)
                show(seen[0] - still_open)

            done = rehearsal.rehearse(
                house.engine,
                Order(slug, tuple(lists), again=again),
                clock_rules(house),
                lambda port, campaign_id: rehearsal_sender(house, port, campaign_id),
                SystemClock(),
                progress,
                by=desk.by,
            )
        now = datetime.now(UTC)
        with reading(house.engine) as connection:
            newsletter = newsletters.of_campaign(connection, done.status.campaign.id) or NO_LIST
            finish = finish_if_begun(house, connection, newsletter, done.basket.messages, now)
        if done.agrees:
            tell(desk.say, done, finish, now, house.config.site.time_zone)
        else:
            print_status(desk.say, house, done.status)
        desk.say.document(done.as_json() | {"finish": finish})
        raise typer.Exit(0 if done.agrees else 1)


def tell(say: Say, done: "Rehearsed", finish: datetime | None, now: datetime, zone: str) -> None:
    """Who would get it, how heavy it is, how long it would take, and what would go wrong."""
    words, basket, counts = say.words, done.basket, done.status.counts
    campaign = done.status.campaign
    slug = campaign.issue or ""
    print_folded(
        say, words("cli.campaigns.rehearse.done", slug=slug, count=basket.messages, campaign=campaign.id)
    )
    left_out = {**counts.excluded, **counts.skipped}
    if left_out:
        print_folded(
            say, "  " + words("cli.campaigns.status.excluded", reasons=reasons_in_words(words, left_out))
        )
    if done.refused:
        refused = reasons_in_words(words, done.refused)
        print_folded(say, "  " + words("cli.campaigns.rehearse.refused", reasons=refused))
    if basket.needs_smtputf8:
        say.text("  " + words("cli.campaigns.rehearse.smtputf8", count=basket.needs_smtputf8))
    if not basket.messages:
        return
    say.text(
        "  "
        + words(
            "cli.campaigns.rehearse.sizes",
            mean=basket.bytes // basket.messages,
            largest=basket.largest,
            total=basket.bytes,
        )
    )
    if finish is not None:
        left, at = left_in_words(words, finish - now), words.moment(finish, zone)
        print_folded(say, "  " + words("cli.campaigns.rehearse.finish", left=left, at=at))
    say.text("")
    say.table(
        [f"  {words('cli.campaigns.column.language')}", words("cli.campaigns.column.people")],
        [(f"  {words.autonym(language)}", people) for language, people in counts.by_language.items()],
        right=(1,),
    )
