"""An issue of a few lines of Markdown, as the tests of the gate write it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from mailer.composer.model import Issue, IssueText, Section, SectionText
from mailer.composer.text import manuscript

DAY = date(2034, 12, 20)


def issue_of(texts_of: Mapping[str, str], *, slug: str = "2034-12", day: date = DAY, **fields: Any) -> Issue:
    """An issue of Markdown by language. Subjects are alike unless `subjects` says otherwise."""
    rows: dict[str, dict[str, SectionText]] = {}
    orders: dict[str, tuple[str, ...]] = {}
    leads = {}
    for language, text in texts_of.items():
        written = manuscript.split(text)
        leads[language] = written.lead
        for number, draft in enumerate(written.sections, 1):
            rows.setdefault(draft.key or str(number), {})[language] = SectionText(draft.title, draft.body)
        orders[language] = tuple(draft.key or str(n) for n, draft in enumerate(written.sections, 1))
    subjects = fields.pop("subjects", {})
    plain = {"ja": "港のたより", "en": "News of the harbour"}
    heads = {
        language: IssueText(subjects.get(language, plain.get(language, "News")), "…", lead=lead)
        for language, lead in leads.items()
    }
    sections = tuple(Section(key, row) for key, row in rows.items())
    files = {"images/a.png": "0", "images/b.png": "0", "files/a.pdf": "0", "files/b.pdf": "0"}
    return Issue(slug, "84", day, tuple(texts_of), heads, sections, orders, files=files, **fields)
