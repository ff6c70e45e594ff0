"""Whatever is edited after the approval, and in the middle of a send: the approved letter goes out (F15)."""

from __future__ import annotations

import asyncio
import email
import email.policy
import os
import shutil
from email.message import EmailMessage
from pathlib import Path

import sqlalchemy as sa

from mailer.bootstrap import open_house
from mailer.delivery import ledger
from mailer.worker import send_until_resting
from subscribers import tables
from subscribers.database import reading

from .conftest import EDITIONS, Office

TEMPLATES = Path(__file__).parents[2] / "templates"


def _edit_everything(office: Office) -> None:
    """Template, legal block, list name and the issue's text."""
    templates = office.folder / "templates"
    shutil.copytree(TEMPLATES, templates)
    for path in templates.glob("*.html"):
        path.write_text(path.read_text("utf-8").replace("</body>", "<p>EDITED</p></body>"), "utf-8")
    office.configure(
        site__templates_dir="templates",
        sender__postal_address="EDITED",
        sender__organisation="EDITED",
        sender__phone="EDITED",
    )
    house = open_house(office.folder / "config.toml", {**os.environ, **office.environ})
    with house.engine.begin() as connection:
        connection.execute(tables.list_.update().values(name={"": "EDITED"}))
        for table in ("issue_text", "section_text"):
            column = "subject" if table == "issue_text" else "body"
            connection.execute(sa.text(f"UPDATE {table} SET {column} = 'EDITED'"))
    house.engine.dispose()


def _send(office: Office, until_open: int) -> None:
    environ = {**os.environ, **office.environ, "MAILER_DELIVERY__BATCH_SIZE": "1"}
    house = open_house(office.folder / "config.toml", environ)
    campaign = 1

    def enough() -> bool:
        with reading(house.engine) as connection:
            return ledger.open_rows(connection, campaign) <= until_open

    asyncio.run(send_until_resting(house, campaign, asyncio.Event(), enough, every=0.001))
    house.engine.dispose()


def _letters(office: Office) -> dict[str, EmailMessage]:
    found = {}
    for one in office.sink.messages:
        letter = email.message_from_bytes(one.content, policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        found[one.envelope.rcpt_to] = letter
    return found


def test_edits_after_the_approval_and_in_mid_send_change_nothing_that_goes_out(ready: Office) -> None:
    # F15: template, list, issue, legal block
    ready.json("campaigns", "send", "2034-12", "--list", "enews")
    _send(ready, len(EDITIONS) - 2)
    some = set(_letters(ready))
    assert 0 < len(some) < len(EDITIONS)
    _edit_everything(ready)
    _send(ready, 0)
    letters = _letters(ready)
    assert letters.keys() == EDITIONS.keys()
    subjects = {to: letter["Subject"] for to, letter in letters.items()}
    for to, letter in letters.items():
        assert subjects[to] == next(
            subjects[other] for other, language in EDITIONS.items() if language == EDITIONS[to]
        )
        for kind in ("plain", "html"):
            part = letter.get_body((kind,))
            assert part is not None
            assert "EDITED" not in part.get_content()


def test_edits_between_the_approval_and_the_launch_change_nothing_or_need_a_new_approval(
    ready: Office,
) -> None:  # F14 F15
    _edit_everything(ready)
    refused = ready.json("campaigns", "send", "2034-12", "--list", "enews", code=1)["error"]
    assert refused["code"] == "issue_not_approved"  # the text is another one than that which was approved
    assert ready.sink.messages == []


def test_templates_and_the_legal_block_of_another_day_are_not_in_what_was_approved(ready: Office) -> None:
    # F15
    templates = ready.folder / "templates"
    shutil.copytree(TEMPLATES, templates)
    for path in templates.glob("*.html"):
        path.write_text("EDITED", "utf-8")
    ready.configure(site__templates_dir="templates", sender__postal_address="EDITED")
    assert ready.json("campaigns", "send", "2034-12", "--list", "enews", "--wait")["state"] == "finished"
    assert _letters(ready).keys() == EDITIONS.keys()
    assert all(b"EDITED" not in one.content for one in ready.sink.messages)
