"""notices: list, preview."""

from datetime import UTC, datetime
from pathlib import Path

import typer

from mailer.i18n import Words

from .main import Desk


def add_to(app: typer.Typer, said: Words) -> None:
    group = typer.Typer(help=said("cli.notices.help"), no_args_is_help=True)
    app.add_typer(group, name="notices")

    @group.command("list", help=said("cli.notices.list.help"))
    def list_(ctx: typer.Context) -> None:
        from mailer.composer.notices import NOTICES

        desk: Desk = ctx.obj
        desk.say.table(
            [said(f"cli.notices.column.{column}") for column in ("name", "what", "to", "languages")],
            [
                (
                    kind.name,
                    said(f"notices.name.{kind.name}"),
                    said(f"notices.to.{kind.audience}"),
                    " ".join(kind.languages),
                )
                for kind in NOTICES.values()
            ],
        )
        desk.say.document(
            [
                {
                    "name": kind.name,
                    "audience": kind.audience,
                    "languages": list(kind.languages),
                    "needs": list(kind.needs),
                    "may": list(kind.may),
                }
                for kind in NOTICES.values()
            ]
        )

    @group.command("preview", help=said("cli.notices.preview.help"))
    def preview(
        ctx: typer.Context,
        out: Path = typer.Option(..., "--out", metavar="DIR", help=said("cli.notices.preview.out")),
    ) -> None:
        from mailer.bootstrap import issue_press
        from mailer.composer.preview.notice_preview import preview_files

        desk: Desk = ctx.obj
        house = desk.house()
        press = issue_press(house, datetime.now(UTC))
        with desk.say.busy("cli.notices.preview.busy"), house.engine.begin() as connection:
            files, leaves = preview_files(connection, press, said)
        for name, content in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        desk.say.line("cli.notices.preview.done", path=str(out / "index.html"))
        desk.say.document(
            {
                "index": str(out / "index.html"),
                "notices": [
                    {
                        "name": one.name,
                        "language": one.language,
                        "subject": one.subject,
                        "html": str(out / f"{one.stem}.html"),
                        "text": str(out / f"{one.stem}.txt"),
                    }
                    for one in leaves
                ],
            }
        )
