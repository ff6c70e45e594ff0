"""The demo's report on the terminal. Called by `mailer demo`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailer.demo.road import Report
from mailer.i18n import Words

Table = Callable[..., None]


def tell(line: Callable[[str], None], table: Table, words: Words, report: Report) -> None:
    """Who got what, who did not and why, whether the counts agree, where to look, what to do next."""
    line("")
    headings: Sequence[str] = [words("demo.prefers"), words("demo.gets"), words("demo.people")]
    rows = [
        (
            words.autonym(row.prefers) if row.prefers else words("demo.unset"),
            words.autonym(row.edition),
            row.people,
        )
        for row in report.languages
    ]
    table(headings, rows, right=(2,))
    line("")
    table(
        [words("demo.excluded"), ""],
        [(words.said(f"excluded.{why}", why), people) for why, people in report.excluded.items()],
        right=(1,),
    )
    line("")
    line(words("demo.agree" if report.agrees else "demo.disagree", total=report.accepted))
    line(words("demo.again_nobody", count=report.again))
    line("")
    line(words("demo.overview", path=report.overview))
    line(words("demo.preview", path=f"{report.folder}/preview/index.html"))
    line(words("demo.mails_at", path=f"{report.folder}/mails/"))
    line("")
    line(words("demo.next"))
    line(f"  {words('demo.next_serve')} mailer --config {report.folder}/config.toml serve")
    line(f"  {words('demo.next_real')} mailer init office, mailer check --to …")
