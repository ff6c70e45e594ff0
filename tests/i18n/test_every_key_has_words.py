"""Every key that the code or a template names stands in the catalogues, with the facts that it needs."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer import i18n

ROOT = Path(__file__).parents[2]
CODE = sorted([*(ROOT / "mailer").rglob("*.py"), *(ROOT / "subscribers").rglob("*.py")])
PAGES = sorted(
    [
        *(ROOT / "mailer/web/pages").glob("*.html"),
        ROOT / "mailer/composer/preview/pages/sheet.html",
        *(ROOT / "templates").rglob("*.*"),
    ]
)
KEY = re.compile(r"[a-z_]+(\.[A-Za-z0-9_/-]+)+")
SPOKEN = {
    "words",
    "said",
    "say",
    "line",
    "note",
    "progress",
    "_words",
}  # what a Words is called where it speaks
ERRORS = {
    "BadConfig", "BadIssue", "BadPicture", "BadRule", "NotFound", "Refused", "HeaderRefused", "NoKey",
    "RelayProblem", "MailerError",
}  # fmt: skip


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))


def name_of(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=inner):
            return name_of(inner)
    return ""


def literal(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def spoken() -> Iterator[tuple[str, str, set[str] | None]]:
    """(where, key, facts given) of every literal key; None: facts that cannot be read here."""
    for path in CODE:
        for call in calls(path):
            where = f"{path.relative_to(ROOT)}:{call.lineno}"
            key = literal(call.args[0]) if call.args else None
            given = {k.arg for k in call.keywords if k.arg}
            open_ended = any(k.arg is None for k in call.keywords)
            if key and KEY.fullmatch(key) and name_of(call.func) in SPOKEN:
                yield where, key, None if open_ended else given
            error = literal(next((k.value for k in call.keywords if k.arg == "key"), None))
            if error and name_of(call.func) in ERRORS:
                yield where, f"error.{error}", None if open_ended else given
    for path in PAGES:
        if path.suffix in (".html", ".txt", ".subject"):
            for found in re.finditer(
                r"\b(?:words|told\(words,)\s*\(?\"([a-z_]+\.[\w.]+)\"", path.read_text("utf-8")
            ):
                yield str(path.relative_to(ROOT)), found[1], None


def needed(key: str) -> set[str]:
    entry = i18n.catalogue("en")[key]
    texts = [text for form, text in entry.items() if form != "by"]
    chosen = {entry.get("by", "count")} if "other" in entry else set()
    return chosen | {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_scan_sees_keys_at_all() -> None:
    assert len(list(spoken())) > 100


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_key_that_is_named_has_words(language: str) -> None:
    there = i18n.catalogue(language)
    assert sorted({f"{key} ({where})" for where, key, _ in spoken() if key not in there}) == []


def test_every_sentence_is_given_the_facts_that_it_needs() -> None:
    there = i18n.catalogue("en")
    wrong = [
        f"{where}: {key} needs {sorted(needed(key) - given)}"
        for where, key, given in spoken()
        if given is not None and key in there and not needed(key) <= given
    ]
    assert wrong == []


def test_every_kind_of_error_of_the_store_has_a_sentence() -> None:
    from subscribers import errors

    codes = [kind.code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")]
    assert [
        code for code in codes if code != "subscriber_error" and f"error.{code}" not in i18n.words("ja")
    ] == []


def test_every_error_that_is_raised_names_its_sentence() -> None:
    """Without a key, or a sentence of its kind, an error is told in English to everybody."""
    from mailer import errors

    told = {name for name in ERRORS if f"error.{getattr(errors, name).code}" in i18n.words("ja")}
    nameless = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in CODE
        for call in calls(path)
        if name_of(call.func) in ERRORS - told - {"BadConfig", "BadIssue"}
        and not any(k.arg in ("key", None) for k in call.keywords)
    ]
    assert nameless == []


def codes() -> Iterator[str]:
    """Keys that are put together from a code."""
    from mailer.campaigns.model import CampaignState, Why
    from mailer.composer.checks import CODES
    from mailer.composer.model import IssueState
    from mailer.composer.text.faults import SENTENCES
    from mailer.delivery.model import DeliveryState
    from subscribers.audience import EXCLUDED
    from subscribers.model import SubscriptionState

    yield from (f"state.campaign.{state}" for state in CampaignState)
    yield from (f"state.delivery.{state}" for state in DeliveryState)
    yield from (f"state.issue.{state}" for state in IssueState)
    yield from (f"hold.{why}" for why in Why)
    yield from (f"wait.{why}" for why in ("quota", "rate", "relay_refuses", "relay_down"))
    yield from (f"excluded.{why}" for why in (*EXCLUDED, "already_has_it", "erased", "no_edition"))
    yield from (code.key for code in CODES.values())
    yield from (f"error.{code}" for code in SENTENCES)
    yield from (f"web.problem_{status}" for status in ("404", "405", "409", "500", "other"))
    yield from (f"web.prefs_{state}" for state in SubscriptionState)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_code_has_words(language: str) -> None:
    assert [key for key in codes() if key not in i18n.catalogue(language)] == []


@pytest.mark.parametrize(("language", "opens"), [("ja", "「"), ("en", "“")])
def test_a_command_is_quoted_and_whole(language: str, opens: str) -> None:
    """“cancel 1” is nothing that a person can type."""
    texts = {key: " ".join(entry.values()) for key, entry in i18n.catalogue(language).items()}
    rooms = "campaigns|issues|lists|schedules|subscribers"
    bare = re.compile(rf"(?<!{opens})mailer (?:{rooms}) |[「“`](?:resume|cancel|retry|pause)\b|`mailer")
    assert [key for key, text in texts.items() if bare.search(text)] == []
