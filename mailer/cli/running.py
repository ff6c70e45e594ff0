"""work, serve, demo: the commands that run until they are told to stop, or show what the program does."""

import asyncio
import logging
from pathlib import Path

import typer

from mailer import logs
from mailer.i18n import Words

from .main import Desk


def add_to(app: typer.Typer, said: Words) -> None:
    @app.command(help=said("cli.work.help"))
    def work(ctx: typer.Context) -> None:
        from mailer import worker

        desk: Desk = ctx.obj
        logs.to_stderr(logging.INFO)
        house = desk.house()
        desk.say.note(said("cli.work.running"))
        asyncio.run(worker.work(house, desk.config, asyncio.Event()))

    @app.command(help=said("cli.serve.help"))
    def serve(ctx: typer.Context) -> None:
        from mailer import worker
        from mailer.web import serving

        desk: Desk = ctx.obj
        logs.to_stderr(logging.INFO)
        house = desk.house()
        last = worker.LastTick()
        with serving.pages(serving.site_of(house, last.at), house.config.site.bind) as url:
            typer.echo(f"listening on {url}")
            asyncio.run(worker.work(house, desk.config, asyncio.Event(), last))

    @app.command(help=said("cli.demo.help"))
    def demo(
        ctx: typer.Context,
        folder: Path = typer.Option(Path("demo"), "--dir", help=said("cli.demo.dir")),
    ) -> None:
        from mailer.demo import road, telling

        desk: Desk = ctx.obj
        report = road.drive(folder, said, lambda key, facts: desk.say.line(key, **facts))
        telling.tell(desk.say.text, desk.say.table, said, report)
        desk.say.document(report.as_json())
        raise typer.Exit(0 if report.agrees else 1)
