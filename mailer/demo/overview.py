"""The demo's report as one page that opens from a disk: numbers, both editions beside each other, what next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from mailer.i18n import Words

if TYPE_CHECKING:
    from mailer.demo.road import Report


def page(report: Report, words: Words) -> str:
    """HTML, self-contained but for the previews it frames."""
    pages = Environment(loader=PackageLoader("mailer", "demo"), autoescape=True, undefined=StrictUndefined)
    imported = [(words(f"demo.{key}"), people) for key, people in report.imported.items()]
    return pages.get_template("overview.html").render(words=words, report=report, imported=imported)
