"""subscribers: add, import, export, show, erase, suppress, unsubscribe."""

import secrets
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mailer.errors import Refused
from mailer.i18n import Words

from .main import Desk
from .out import out_file
from .say import Say

if TYPE_CHECKING:
    from subscribers.transfer import ImportResult, RowError

_SHOWN = 20  # refused lines on the screen; the file has all


class Form(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


def add_to(app: typer.Typer, said: Words) -> None:
    group = typer.Typer(help=said("cli.subscribers.help"), no_args_is_help=True)
    app.add_typer(group, name="subscribers")
    _people(group, said)
    _transfer(group, said)


def _people(group: typer.Typer, said: Words) -> None:
    who = typer.Argument(metavar="EMAIL", help=said("cli.subscribers.who"))

    @group.command("add", help=said("cli.subscribers.add.help"))
    def add(
        ctx: typer.Context,
        email: str = typer.Argument(help=said("cli.subscribers.email")),
        list_slug: str = typer.Option(
            "", "--list", metavar="SLUG", help=said("cli.subscribers.list"), show_default=False
        ),
        consent_text: str = typer.Option(
            "", "--consent", metavar="TEXT", help=said("cli.subscribers.consent"), show_default=False
        ),
        name: str = typer.Option("", help=said("cli.subscribers.name"), show_default=False),
        language: str = typer.Option("", help=said("cli.subscribers.language"), show_default=False),
    ) -> None:
        from subscribers import address, consent, store
        from subscribers.language import read_list

        desk: Desk = ctx.obj
        house = desk.house()
        if list_slug and not consent_text:
            raise Refused(
                "Say how this person agreed.",
                remedy='Add --consent "…" with the words or the occasion.',
                key="no_consent",
            )
        now = datetime.now(UTC)
        with house.engine.begin() as connection:
            parsed = address.parse(email)
            person = store.find_address(connection, parsed)
            if person is None or not list_slug:
                person = store.add(
                    connection,
                    parsed,
                    name=name,
                    languages=read_list(language),
                    by=desk.by,
                    now=now,
                    random=secrets.SystemRandom(),
                    permanent_key=house.permanent_key,
                )
            if list_slug:
                list_ = store.list_by_slug(connection, list_slug)
                consent.subscribe(
                    connection,
                    person.id,
                    list_.id,
                    act="declared",
                    by=desk.by,
                    now=now,
                    source="staff",
                    wording=consent_text,
                )
            person = store.get(connection, person.id)
        desk.say.line("cli.subscribers.add.done", email=person.email, reference=person.reference)
        desk.say.document(_shown(person))

    @group.command("show", help=said("cli.subscribers.show.help"))
    def show(ctx: typer.Context, who: str = who) -> None:
        from subscribers import consent, store, suppression
        from subscribers.address import parse
        from subscribers.database import reading

        desk: Desk = ctx.obj
        with reading(desk.house().engine) as connection:
            person = store.find(connection, who)
            proofs = consent.records(connection, person.id)
            barred = suppression.reason_of(connection, parse(person.email).key)
        facts = _shown(person) | {
            "suppressed": barred and str(barred),
            "consent": [
                {
                    "act": str(p.act),
                    "list": p.list,
                    "wording": p.wording,
                    "source": p.source,
                    "by": p.by,
                    "at": p.at,
                }
                for p in proofs
            ],
        }
        _print_person(desk, facts)
        desk.say.document(facts)

    @group.command("unsubscribe", help=said("cli.subscribers.unsubscribe.help"))
    def unsubscribe(
        ctx: typer.Context,
        who: str = who,
        list_slug: str = typer.Option(
            "", "--list", metavar="SLUG", help=said("cli.subscribers.unsubscribe.list"), show_default=False
        ),
        reason: str = typer.Option("staff", help=said("cli.subscribers.reason"), show_default=False),
    ) -> None:
        from subscribers import consent, store

        desk: Desk = ctx.obj
        now = datetime.now(UTC)
        with desk.house().engine.begin() as connection:
            person = store.find(connection, who)
            lists = [store.list_by_slug(connection, list_slug).id] if list_slug else None
            left = consent.unsubscribe(connection, person.id, lists, source=reason, by=desk.by, now=now)
        desk.say.line("cli.subscribers.unsubscribe.done", email=person.email, count=left)
        desk.say.document({"email": person.email, "left": left})

    @group.command("suppress", help=said("cli.subscribers.suppress.help"))
    def suppress(
        ctx: typer.Context,
        email: str = typer.Argument(help=said("cli.subscribers.email")),
        note: str = typer.Option("", help=said("cli.subscribers.note"), show_default=False),
    ) -> None:
        from subscribers import suppression
        from subscribers.address import parse

        desk: Desk = ctx.obj
        address = parse(email)
        with desk.house().engine.begin() as connection:
            suppression.add(
                connection,
                address.key,
                suppression.Reason.STAFF,
                note=note,
                by=desk.by,
                now=datetime.now(UTC),
            )
        desk.say.line("cli.subscribers.suppress.done", email=address.written)
        desk.say.document({"email": address.written, "suppressed": True})

    @group.command("erase", help=said("cli.subscribers.erase.help"))
    def erase(ctx: typer.Context, who: str = who) -> None:
        from mailer.readers import erasing
        from subscribers import store

        desk: Desk = ctx.obj
        house = desk.house()
        now = datetime.now(UTC)
        with house.engine.begin() as connection:
            person = store.find(connection, who)
            erasing.erase(connection, person.id, permanent_key=house.permanent_key, by=desk.by, now=now)
        desk.say.line("cli.subscribers.erase.done", reference=person.reference)
        desk.say.document({"reference": person.reference, "erased": True})


def _transfer(group: typer.Typer, said: Words) -> None:
    @group.command("import", help=said("cli.subscribers.import.help"))
    def import_(
        ctx: typer.Context,
        file: Path = typer.Argument(help=said("cli.subscribers.import.file")),
        list_slug: str = typer.Option(..., "--list", metavar="SLUG", help=said("cli.subscribers.list")),
        consent_text: str = typer.Option(
            ..., "--consent", metavar="TEXT", help=said("cli.subscribers.consent")
        ),
        dry_run: bool = typer.Option(
            False, "--dry-run", help=said("cli.subscribers.import.dry_run"), show_default=False
        ),
        split: bool = typer.Option(
            False, "--split", help=said("cli.subscribers.import.split"), show_default=False
        ),
        columns: list[str] = typer.Option(
            [],
            "--column",
            metavar="HEADING=FIELD",
            help=said("cli.subscribers.import.column"),
            show_default=False,
        ),
        refused: Path | None = typer.Option(
            None, "--refused", metavar="CSV", help=said("cli.subscribers.import.refused"), show_default=False
        ),
    ) -> None:
        from subscribers.errors import BadTable
        from subscribers.transfer import Declaration, Options, RefusedFile, Source, import_people

        desk: Desk = ctx.obj
        house = desk.house()
        refused = refused or file.with_name(f"{file.stem}.refused.csv")
        kept = RefusedFile(
            refused, words=lambda error: in_words(said, error), heading=said("cli.subscribers.import.why")
        )
        try:
            handle = file.open("rb")
        except OSError as error:
            raise BadTable(f"{file} cannot be read.", reason="unreadable", path=str(file)) from error
        with handle, desk.say.progress("cli.subscribers.import.progress", file.stat().st_size) as show:
            result = import_people(
                house.engine,
                Source(handle, file.name, columns=_mapping(columns), split=split),
                Declaration(list_slug, consent_text, said.source),
                Options(dry_run, kept, lambda _rows, done, _all: show(done)),
                by=desk.by,
                now=datetime.now(UTC),
                random=secrets.SystemRandom(),
                permanent_key=house.permanent_key,
            )
        print_import(desk.say, result, refused)
        desk.say.document(import_document(result, refused))

    @group.command("export", help=said("cli.subscribers.export.help"))
    def export(
        ctx: typer.Context,
        list_slug: str = typer.Option(
            "", "--list", metavar="SLUG", help=said("cli.subscribers.list"), show_default=False
        ),
        out: Path | None = typer.Option(
            None, "--out", metavar="FILE", help=said("cli.subscribers.export.out"), show_default=False
        ),
        form: Form = typer.Option(Form.CSV, "--form", help=said("cli.subscribers.export.form")),
        force: bool = typer.Option(False, "--force", help=said("cli.out.force"), show_default=False),
    ) -> None:
        from subscribers.database import reading
        from subscribers.transfer import export as write

        desk: Desk = ctx.obj
        with reading(desk.house().engine) as connection:
            if out is None:
                form = Form.JSON if desk.say.as_json else form
                write(connection, list_slug=list_slug or None, out=sys.stdout.buffer, form=str(form))
                return
            with out_file(out, force=force) as file:
                people = write(connection, list_slug=list_slug or None, out=file, form=str(form))
        desk.say.line("cli.subscribers.export.done", count=people, path=str(out))
        desk.say.document({"people": people, "path": str(out)})


def _mapping(columns: list[str]) -> dict[str | int, str]:
    """`Contact=email` by heading, `3=email` by number."""
    pairs = [column.partition("=") for column in columns]
    return {
        int(heading) if heading.strip().isdigit() else heading.strip(): field.strip()
        for heading, _, field in pairs
    }


def print_import(say: Say, result: "ImportResult", refused: Path) -> None:
    """What happened, in numbers and then line by line."""
    words = say.words
    if result.dry_run:
        say.line("cli.subscribers.import.dry")
    say.line(
        "cli.subscribers.import.result",
        rows=result.rows,
        added=result.added,
        changed=result.changed,
        unchanged=result.unchanged,
        kept_out=sum(result.kept_out.values()),
        refused=result.refused_count,
    )
    if result.encoding:
        delimiter = {"\t": "TAB"}.get(result.delimiter or "", result.delimiter or "")
        say.line("cli.subscribers.import.encoding", encoding=result.encoding, delimiter=delimiter)
    if result.ignored_columns:
        say.line("cli.subscribers.import.ignored", columns=words.join(result.ignored_columns))
    for reason, people in result.kept_out.items():
        say.line(
            "cli.subscribers.import.kept_out", reason=words.said(f"excluded.{reason}", reason), count=people
        )
    for error in result.refused[:_SHOWN]:
        say.line("cli.subscribers.import.refused_line", line=error.line, reason=in_words(words, error))
    if result.refused_count:
        say.line("cli.subscribers.import.refused_file", path=str(refused))


def in_words(words: Words, error: "RowError") -> str:
    """Why a row was refused, in the person's language."""
    from subscribers.transfer import sentence

    return words.said(f"import.reason.{error.reason}", sentence(error), **error.facts)


def import_document(result: "ImportResult", refused: Path) -> dict[str, Any]:
    """An import as `--json` gives it."""
    return {
        "added": result.added,
        "changed": result.changed,
        "unchanged": result.unchanged,
        "kept_out": sum(result.kept_out.values()),
        "kept_out_because": dict(result.kept_out),
        "refused": [
            {"line": e.line, "field": e.field, "reason": e.reason, "facts": e.facts} for e in result.refused
        ],
        "refused_count": result.refused_count,
        "refused_file": str(refused) if result.refused_count else None,
        "rows": result.rows,
        "ignored_columns": list(result.ignored_columns),
        "encoding": result.encoding,
        "delimiter": result.delimiter,
        "dry_run": result.dry_run,
    }


def _shown(person: Any) -> dict[str, Any]:
    return {
        "email": person.email,
        "reference": person.reference,
        "name": person.name,
        "languages": list(person.languages),
        "time_zone": person.time_zone,
        "attributes": dict(person.attributes),
        "subscriptions": [
            {"list": s.list, "state": str(s.state), "since": s.since, "source": s.source}
            for s in person.subscriptions
        ],
    }


def _print_person(desk: Desk, facts: dict[str, Any]) -> None:
    say, words = desk.say, desk.say.words
    rows = [(words(f"cli.subscribers.field.{key}"), facts[key]) for key in ("email", "reference", "name")]
    rows.append(
        (
            words("cli.subscribers.field.languages"),
            words.join([words.autonym(one) for one in facts["languages"]]),
        )
    )
    rows += [(key, value) for key, value in facts["attributes"].items()]
    if facts["suppressed"]:
        rows.append((words("cli.subscribers.field.suppressed"), facts["suppressed"]))
    say.table(["", ""], rows)
    for one in facts["subscriptions"]:
        state = words(f"state.subscription.{one['state']}")
        say.text(f"  {one['list']}  {state}  {words.date(one['since'].date())}")
    for proof in facts["consent"]:
        act = words.said(f"consent.{proof['act']}", str(proof["act"]))
        told = [words.date(proof["at"].date()), act, proof["list"], proof["wording"], f"({proof['by']})"]
        say.text("  " + "  ".join(part for part in told if part))
