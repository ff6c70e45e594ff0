"""The ledger: what is owed to whom and what became of it. The only writer of `delivery`, `attempt`
and `claim`.

Functions take a Connection; the caller owns the transaction. A state is durable when it is
committed: `attempting` before the envelope leaves, a reply within the sender's commit window.
Called by campaigns (build, cancel, skip), notices, the sender and reports.
"""

from .build import build
from .change import cancel, enqueue_notice, requeue, skip_for
from .claim import claim, due, release, release_dead, release_expired, renew
from .counts import counts, open_rows, totals
from .course import (
    HOLD,
    LET_GO,
    close,
    closed,
    finish_done,
    finish_if_done,
    go_on,
    hold,
    hold_unserved,
    keep_quiet,
    last_let_go,
    lift,
    open_at,
    reopen,
    times_held,
    wait,
)
from .erasing import forget, unname
from .mark import attempting
from .put_off import put_off
from .restored import freeze
from .settle import refuse_unsent, settle
from .tidy import forget_claims
from .watching import by_domain, last_replies, reply_shown

__all__ = [
    "HOLD",
    "LET_GO",
    "attempting",
    "build",
    "by_domain",
    "cancel",
    "claim",
    "close",
    "closed",
    "counts",
    "due",
    "enqueue_notice",
    "finish_done",
    "finish_if_done",
    "forget",
    "forget_claims",
    "freeze",
    "go_on",
    "hold",
    "hold_unserved",
    "keep_quiet",
    "last_let_go",
    "last_replies",
    "lift",
    "open_at",
    "open_rows",
    "put_off",
    "refuse_unsent",
    "release",
    "release_dead",
    "release_expired",
    "renew",
    "reopen",
    "reply_shown",
    "requeue",
    "settle",
    "skip_for",
    "times_held",
    "totals",
    "unname",
    "wait",
]
