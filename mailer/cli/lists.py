"""lists add, lists list."""

from datetime import UTC, datetime

import typer

from mailer.i18n import Words

from .main import Desk


def add_to(app: typer.Typer, said: Words) -> None:
    group = typer.Typer(help=said("cli.lists.help"), no_args_is_help=True)
    app.add_typer(group, name="lists")

    @group.command("add", help=said("cli.lists.add.help"))
    def add(
        ctx: typer.Context,
        slug: str = typer.Argument(help=said("cli.lists.slug")),
        name: str = typer.Option(help=said("cli.lists.name")),
        language: str = typer.Option("", help=said("cli.lists.language"), show_default=False),
        single_opt_in: bool = typer.Option(
            False, "--single-opt-in", help=said("cli.lists.single"), show_default=False
        ),
        private: bool = typer.Option(False, "--private", help=said("cli.lists.private"), show_default=False),
        newsletter: str = typer.Option(
            "main", "--newsletter", metavar="KEY", help=said("cli.lists.newsletter")
        ),
    ) -> None:
        from subscribers import store

        desk: Desk = ctx.obj
        house = desk.house()
        with house.engine.begin() as connection:
            made = store.add_list(
                connection,
                slug,
                name,
                language=language or None,
                opt_in="single" if single_opt_in else "double",
                public=not private,
                newsletter=newsletter,
                by=desk.by,
                now=datetime.now(UTC),
            )
        desk.say.line("cli.lists.add.done", slug=made.slug)
        desk.say.document({"slug": made.slug, "id": made.id})

    @group.command("list", help=said("cli.lists.list.help"))
    def list_(ctx: typer.Context) -> None:
        from subscribers import consent, store
        from subscribers.database import reading
        from subscribers.model import SubscriptionState

        desk: Desk = ctx.obj
        with reading(desk.house().engine) as connection:
            lists, counts = store.lists(connection), consent.counts(connection)
        rows = [
            {
                "slug": one.slug,
                "name": one.name_in(said.language),
                "language": one.language,
                "opt_in": one.opt_in,
                "public": one.public,
                **{str(state): counts.get((one.id, state), 0) for state in SubscriptionState},
            }
            for one in lists
        ]
        columns = ("slug", "name", "language", "confirmed", "pending", "unsubscribed")
        if not rows:
            desk.say.line("cli.lists.none")
        desk.say.table(
            [said(f"cli.lists.column.{column}") for column in columns],
            [[row[column] for column in columns] for row in rows],
            right=(3, 4, 5),
        )
        desk.say.document(rows)
