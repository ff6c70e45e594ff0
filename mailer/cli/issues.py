"""issues: import, export, check, preview, approve, list."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mailer.errors import Refused
from mailer.i18n import Words

from .main import Desk
from .say import Say

if TYPE_CHECKING:
    from mailer.composer.model import Finding
    from mailer.composer.preview.contact_sheet import Remark
    from mailer.errors import Fault


def add_to(app: typer.Typer, said: Words) -> None:
    group = typer.Typer(help=said("cli.issues.help"), no_args_is_help=True)
    app.add_typer(group, name="issues")
    _folders(group, said)
    _judging(group, said)


def _folders(group: typer.Typer, said: Words) -> None:
    slug_argument = typer.Argument(metavar="SLUG", help=said("cli.issues.slug"))

    @group.command("import", help=said("cli.issues.import.help"))
    def import_(
        ctx: typer.Context,
        folder: Path = typer.Argument(metavar="DIR", help=said("cli.issues.import.dir")),
    ) -> None:
        from mailer.composer import store
        from mailer.composer.look.view import numbered
        from mailer.composer.text import folder as folders

        desk: Desk = ctx.obj
        house = desk.house()
        read = folders.read(folder, house.config.site.time_zone)
        issue = read.issue
        with house.engine.begin() as connection:
            store.save(connection, issue, read.files, by=desk.by, now=datetime.now(UTC))
        desk.say.line(
            "cli.issues.import.done",
            slug=issue.slug, number=numbered(said, issue.number), languages=[said.autonym(one) for one in issue.languages],
        )  # fmt: skip
        _tell(desk.say, read.faults)
        desk.say.document(
            {
                "slug": issue.slug,
                "number": issue.number,
                "date": issue.date,
                "languages": list(issue.languages),
                "faults": [_fault_as_document(said, one) for one in read.faults],
            }
        )

    @group.command("export", help=said("cli.issues.export.help"))
    def export(
        ctx: typer.Context,
        slug: str = slug_argument,
        folder: Path = typer.Argument(metavar="DIR", help=said("cli.issues.import.dir")),
    ) -> None:
        from mailer import media
        from mailer.composer import store
        from mailer.composer.text import folder as folders
        from subscribers.database import reading

        desk: Desk = ctx.obj
        with reading(desk.house().engine) as connection:
            issue = store.load(connection, slug)
            folders.write(folder, issue, lambda blob: media.open(connection, blob).content)
        desk.say.line("cli.issues.export.done", slug=slug, path=str(folder))
        desk.say.document({"slug": slug, "path": str(folder)})

    @group.command("list", help=said("cli.issues.list.help"))
    def list_(ctx: typer.Context) -> None:
        from mailer.composer import store
        from subscribers.database import reading

        desk: Desk = ctx.obj
        with reading(desk.house().engine) as connection:
            found = store.summaries(connection)
        if not found:
            desk.say.line("cli.issues.none")
        desk.say.table(
            [
                said(f"cli.issues.column.{column}")
                for column in ("slug", "number", "date", "languages", "state", "subject")
            ],
            [
                (
                    one.slug,
                    one.number,
                    said.date(one.date, "short"),
                    " ".join(one.languages),
                    said(f"state.issue.{one.state}"),
                    one.subject,
                )
                for one in found
            ],
        )
        desk.say.document(
            [
                {
                    "slug": one.slug,
                    "number": one.number,
                    "date": one.date,
                    "languages": list(one.languages),
                    "state": str(one.state),
                    "subject": one.subject,
                }
                for one in found
            ]
        )


def _tell(say: Say, faults: "tuple[Fault, ...]") -> None:
    """What is wrong with the words of a draft. It is in; nothing is lost, and the gate holds it until they are mended."""
    if not faults:
        return
    say.line("cli.issues.import.faults", count=len(faults))
    for one in faults:
        message, remedy = say.words.error(one)
        say.text(f"{say.place(one.where)}: {message}")
        say.text(f"    → {remedy}")


def _fault_as_document(words: Words, one: "Fault") -> dict[str, Any]:
    message, remedy = words.error(one)
    return {"code": one.code, "where": one.where, "message": message, "remedy": remedy}


def _judging(group: typer.Typer, said: Words) -> None:
    slug_argument = typer.Argument(metavar="SLUG", help=said("cli.issues.slug"))

    @group.command("check", help=said("cli.issues.check.help"))
    def check(
        ctx: typer.Context,
        slug: str = slug_argument,
        links: bool = typer.Option(False, "--links", help=said("cli.issues.check.links")),
    ) -> None:
        from mailer.bootstrap import gate, judged
        from mailer.composer import checks, store
        from subscribers.database import reading

        desk: Desk = ctx.obj
        house = desk.house()
        with desk.say.busy("cli.issues.check.busy"):
            _, findings = judged(house, slug, gate(house, datetime.now(UTC)))
        with reading(house.engine) as connection:
            approval = store.approval(connection, slug)
        if links:
            findings = checks.ordered([*findings, *_of_links(desk, slug)], house.config.checks)
        print_findings(desk.say, findings)
        passed = [dict(one) for one in approval.passed] if approval else []
        for one in passed:
            desk.say.line("cli.issues.check.passed", code=one["code"], reason=one["reason"])
        desk.say.document(
            {
                "issue": slug,
                "findings": [as_document(desk.say.words, one) for one in findings],
                "passed": passed,
            }
        )
        raise typer.Exit(1 if checks.holds(findings) else 0)

    @group.command("reviewed", help=said("cli.issues.reviewed.help"))
    def reviewed(
        ctx: typer.Context,
        slug: str = slug_argument,
        language: str = typer.Option(
            ..., "--language", metavar="LANG", help=said("cli.issues.reviewed.language")
        ),
        section: str | None = typer.Option(
            None, "--section", metavar="KEY", help=said("cli.issues.reviewed.section")
        ),
    ) -> None:
        from mailer.composer import store, translation

        desk: Desk = ctx.obj
        with desk.house().engine.begin() as connection:
            issue = store.load(connection, slug)
            part = None if section == translation.LEAD else section or translation.EVERYTHING
            count = translation.looked_at(
                connection, issue, language, part, by=desk.by, now=datetime.now(UTC)
            )
        desk.say.line("cli.issues.reviewed.done", count=count, language=said.autonym(language))
        desk.say.document({"issue": slug, "language": language, "section": section, "texts": count})

    @group.command("preview", help=said("cli.issues.preview.help"))
    def preview_(
        ctx: typer.Context,
        slug: str = slug_argument,
        out: Path = typer.Option(..., "--out", metavar="DIR", help=said("cli.issues.preview.out")),
        subscriber: str = typer.Option(
            "",
            "--subscriber",
            metavar="ADDRESS",
            help=said("cli.issues.preview.subscriber"),
            show_default=False,
        ),
        no_pictures: bool = typer.Option(False, "--no-pictures", help=said("cli.issues.preview.no_pictures")),
    ) -> None:
        from mailer.bootstrap import gate, judged, reading_style
        from mailer.composer.preview import browser
        from mailer.delivery.preview import Order, choose, finish, lay_out

        desk: Desk = ctx.obj
        house = desk.house()
        judging = gate(house, datetime.now(UTC))
        found = None if no_pictures else browser.find(os.environ)
        with desk.say.busy("cli.issues.preview.busy"):
            draft, findings = judged(house, slug, judging)
            issue, remarks = draft.issue, [_remark(desk.say, one) for one in findings]
            with house.engine.begin() as connection:
                chosen = choose(connection, issue, subscriber, judging.press) if subscriber else None
                order = Order(out, said, reading_style(), chosen, remarks, found)
                laid = lay_out(connection, issue, judging.press, house.letterhead, order)
            made = finish(laid)
        if made.problem is not None:
            desk.say.note(
                said("cli.issues.preview.failed", problem=desk.say.joined(*said.error(made.problem)))
            )
        elif found is None and not no_pictures:
            desk.say.line("cli.issues.preview.no_browser")
        desk.say.line("cli.issues.preview.done", path=str(out / "index.html"))
        desk.say.document(
            {
                "issue": slug,
                "index": str(out / "index.html"),
                "language": chosen.language if chosen else issue.default_language,
                "pictures": made.shots,
                "findings": len(findings),
                "files": [str(path) for path in made.files],
            }
        )

    @group.command("approve", help=said("cli.issues.approve.help"))
    def approve(
        ctx: typer.Context,
        slug: str = slug_argument,
        passed: list[str] = typer.Option([], "--pass", metavar="CODE", help=said("cli.issues.approve.pass")),
        reason: str = typer.Option(
            "", "--reason", metavar="TEXT", help=said("cli.issues.approve.reason"), show_default=False
        ),
    ) -> None:
        from mailer.bootstrap import approved

        desk: Desk = ctx.obj
        if passed and not reason.strip():
            raise Refused(
                "A finding is passed with a reason.",
                remedy='Add --reason "…"; it is kept with the approval.',
                key="pass_reason",
            )
        house = desk.house()
        now = datetime.now(UTC)
        with desk.say.busy("cli.issues.check.busy"):
            verdict = approved(house, slug, passed=dict.fromkeys(passed, reason), by=desk.by, now=now)
        print_findings(desk.say, verdict.findings)
        for code in sorted(set(passed) - {one.code for one in verdict.findings}):
            desk.say.line("cli.issues.approve.not_there", code=code)
        if verdict.approved:
            desk.say.line(
                "cli.issues.approve.done",
                slug=slug,
                languages=[said.autonym(one) for one in verdict.editions],
            )
        desk.say.document(
            {
                "issue": slug,
                "approved": verdict.approved,
                "editions": {
                    language: edition.content_hash for language, edition in verdict.editions.items()
                },
                "findings": [as_document(said, one) for one in verdict.findings],
            }
        )
        raise typer.Exit(0 if verdict.approved else 1)


def _remark(say: Say, one: "Finding") -> "Remark":
    from mailer.composer import checks
    from mailer.composer.preview.contact_sheet import Remark

    message, _ = checks.describe(one, say.words)
    return Remark(str(one.severity), one.language or "", message, say.place(one.where))


def _of_links(desk: Desk, slug: str) -> "list[Finding]":
    """Over the network, outside of any transaction."""
    from mailer.composer import store
    from mailer.composer.checks import outside
    from subscribers.database import reading

    house = desk.house()
    with reading(house.engine) as connection:
        issue = store.load(connection, slug)
    places = outside.places(issue, house.config.site.time_zone)
    with desk.say.progress("cli.issues.check.asking", len(places)) as done:
        return outside.check(places, done)


def as_document(words: Words, one: "Finding") -> dict[str, Any]:
    """A finding as `issues check --json` gives it."""
    from mailer.composer import checks

    message, remedy = checks.describe(one, words)
    return {
        "code": one.code,
        "severity": str(one.severity),
        "language": one.language,
        "section": one.section,
        "where": one.where,
        "message": message,
        "remedy": remedy,
    }


def print_findings(say: Say, findings: "list[Finding] | tuple[Finding, ...]") -> None:
    """One block a finding: how grave, where, what, what to do."""
    from mailer.composer import checks

    for one in findings:
        message, remedy = checks.describe(one, say.words)
        place = " · ".join(
            filter(None, (say.words.autonym(one.language) if one.language else "", say.place(one.where)))
        )
        say.text(f"{say.words(f'severity.{one.severity}')}  {message}")
        say.text(f"    {place} [{one.code}]")
        if remedy:
            say.text(f"    → {remedy}")
    counts = {level: sum(one.severity == level for one in findings) for level in ("error", "warning", "note")}
    if not findings:
        say.line("cli.issues.check.clear")
        return
    say.line(
        "cli.issues.check.total", errors=counts["error"], warnings=counts["warning"], notes=counts["note"]
    )
