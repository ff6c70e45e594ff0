"""A number in a link or in the ledger means one person for ever, also after an erasure."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from random import Random

from sqlalchemy.engine import Engine

from mailer.readers import leaving, preferences
from subscribers import store
from subscribers.address import parse
from subscribers.model import Actor
from subscribers.transfer import Declaration, Source, import_people


def test_whoever_comes_after_an_erased_person_is_somebody_else(
    database: Engine, keiko: Actor, now: datetime
) -> None:
    # SQLite gives the highest number again unless told otherwise: the erased person's links opened a stranger's page.
    key, dice = "permanent", Random(1)
    with database.begin() as connection:
        list_ = store.add_list(connection, "enews", "E-News", by=keiko, now=now)
        old = store.add(
            connection, parse("old@example.org"), by=keiko, now=now, random=dice, permanent_key=key
        )
        store.erase(connection, old.id, permanent_key=key, by=keiko, now=now)
        new = store.add(
            connection, parse("new@example.org"), by=keiko, now=now, random=dice, permanent_key=key
        )
        assert new.id != old.id
        store.erase(connection, new.id, permanent_key=key, by=keiko, now=now)
    import_people(
        database, Source(BytesIO(b"email\nthird@example.org\n"), "x.csv"), Declaration("enews", "Said yes."),
        by=keiko, now=now, random=dice, permanent_key=key,
    )  # fmt: skip
    with database.begin() as connection:
        third = store.find(connection, "third@example.org")
        assert third.id not in (old.id, new.id)
        # What the erased person's old links ask for is nobody.
        assert leaving.reader(connection, old.id, list_.id) is None
        assert preferences.reader(connection, old.id, now) is None
