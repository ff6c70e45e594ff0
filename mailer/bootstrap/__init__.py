"""Config → House: the only place where objects meet. The House has no methods.

Rooms receive plain values; here they are made from the configuration. `relays` and `letterhead` read it,
`house` is made of them; `clock`, `press` and `issues` make of the House what a room is given.
Called by the CLI, the worker, the pages and the demo.
"""

from .clock import SystemClock, clock_rules, finish_if_begun, predicted_finish, quiet_time
from .house import House, open_database, open_house
from .issues import approved, gate, issue_press, judged, reading_style, test_message
from .letterhead import identities
from .press import Trial, rehearsal_sender, require_relay, senders, trials, unaligned

__all__ = [
    "House",
    "SystemClock",
    "Trial",
    "approved",
    "clock_rules",
    "finish_if_begun",
    "gate",
    "identities",
    "issue_press",
    "judged",
    "open_database",
    "open_house",
    "predicted_finish",
    "quiet_time",
    "reading_style",
    "rehearsal_sender",
    "require_relay",
    "senders",
    "test_message",
    "trials",
    "unaligned",
]
