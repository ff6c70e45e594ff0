"""The tables of WHO may be written to. The data model in one read; nothing runs here.

A person is one row of `subscriber`; being on a list is a row of `subscription`; why we may write
to them is `consent_record` (append-only); whom we must never write to is `suppression` and,
after an erasure, `erasure`, which holds a keyed hash and nothing else.
"""

from __future__ import annotations

import sqlalchemy as sa

from .database import Id, Json, Utc, metadata

list_ = sa.Table(
    "list",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("slug", sa.Text, nullable=False, unique=True),
    sa.Column("name", Json, nullable=False),  # text per language: {"ja": …, "en": …}; {"": …} = one for all
    sa.Column("newsletter", sa.Text, nullable=False, server_default="main"),
    sa.Column("language", sa.Text, nullable=True),  # the list's default language
    sa.Column("opt_in", sa.Text, nullable=False, server_default="double"),  # double | single
    sa.Column("public", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("created_at", Utc, nullable=False),
    sqlite_autoincrement=True,  # as for `subscriber`
)

subscriber = sa.Table(
    "subscriber",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("reference", sa.Text, nullable=False, unique=True),  # "K7Q492", shown as K7Q-492
    sa.Column("email", sa.Text, nullable=False),  # as written, NFC: what a person reads
    sa.Column("wire", sa.Text, nullable=False),  # as RCPT TO needs it: A-labels, quoted where RFC 5321 asks
    sa.Column("address_key", sa.Text, nullable=False, unique=True),  # casefold + NFKC of both halves
    sa.Column("domain", sa.Text, nullable=False),  # A-label, lower case: rates are per domain
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    sa.Column("languages", sa.Text, nullable=False, server_default=""),  # "ja,en": BCP 47, best first
    sa.Column("time_zone", sa.Text, nullable=True),
    sa.Column("attributes", Json, nullable=False),
    sa.Column(
        "chosen", Json, nullable=False
    ),  # names of the fields the person set; an import leaves these alone
    sa.Column("text_only", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("paused_until", Utc, nullable=True),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("updated_at", Utc, nullable=False),
    # An id stands in links that live for ever and in the ledger: it is never given twice, also after an erasure.
    sqlite_autoincrement=True,
)

sa.Index(
    "ix_subscriber_paused_until",  # few are paused: they are counted without reading everybody
    subscriber.c.paused_until,
    sqlite_where=subscriber.c.paused_until.is_not(None),
    postgresql_where=subscriber.c.paused_until.is_not(None),
)

subscription = sa.Table(
    "subscription",
    metadata,
    sa.Column("list_id", Id, sa.ForeignKey("list.id"), primary_key=True),
    sa.Column("subscriber_id", Id, sa.ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),  # pending | confirmed | unsubscribed
    sa.Column("since", Utc, nullable=False),  # of this state
    sa.Column(
        "source", sa.Text, nullable=False, server_default=""
    ),  # import, form, staff, one_click, page, …
    sa.CheckConstraint("state IN ('pending', 'confirmed', 'unsubscribed')", name="state"),
)
sa.Index("ix_subscription_subscriber_id", subscription.c.subscriber_id)

consent_wording = sa.Table(
    "consent_wording",  # the exact words, once: a million imported people share one row
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),  # SHA-256 of language + NUL + text
    sa.Column("language", sa.Text, nullable=True),
    sa.Column("text", sa.Text, nullable=False),
)

consent_record = sa.Table(
    "consent_record",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("subscriber_id", Id, sa.ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False),
    sa.Column("list_id", Id, sa.ForeignKey("list.id"), nullable=True),
    sa.Column("act", sa.Text, nullable=False),  # asked | confirmed | declared | withdrawn
    sa.Column("wording_id", Id, sa.ForeignKey("consent_wording.id"), nullable=True),
    sa.Column("source", sa.Text, nullable=False),  # form URL, file name, one_click, staff, …
    sa.Column("ip", sa.Text, nullable=True),
    sa.Column(
        "by", sa.Text, nullable=False
    ),  # Actor as text: "staff:keiko", "subscriber", "import:members.csv"
    sa.Column("at", Utc, nullable=False),
)
sa.Index("ix_consent_record_subscriber_id", consent_record.c.subscriber_id)

suppression = sa.Table(
    "suppression",
    metadata,
    sa.Column("address_key", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),  # bounced | complained | asked | staff
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", Utc, nullable=False),
)

erasure = sa.Table(
    "erasure",  # HMAC-SHA-256 of the address key under secrets.permanent_key: keeps an erased person erased
    metadata,
    sa.Column("address_hash", sa.Text, primary_key=True),
    sa.Column("at", Utc, nullable=False),
)

audit_record = sa.Table(
    "audit_record",  # who changed what; written in the transaction of the change (subscribers.audit)
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("at", Utc, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),  # "list.add", "campaign.pause"
    sa.Column("subject", sa.Text, nullable=False),  # "list:enews", "campaign:12"
    sa.Column("before", Json, nullable=True),
    sa.Column("after", Json, nullable=True),
)
sa.Index("ix_audit_record_subject", audit_record.c.subject, audit_record.c.id)
