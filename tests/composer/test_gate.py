"""The gate: what must be right before anything leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from mailer.bootstrap import identities
from mailer.composer import checks, resources, store
from mailer.composer.checks import SenderFacts, mails, senders, texts
from mailer.composer.checks.case import Case
from mailer.composer.editions import Press, Proof
from mailer.composer.editions import compose as compose_proof
from mailer.composer.model import Edition, Finding, Issue, IssueState, Severity
from mailer.composer.pictures import Album
from mailer.composer.slots import SLOTS
from mailer.composer.text import markdown
from mailer.config.model import Config
from mailer.i18n import words
from subscribers.model import Actor

SENDER = SenderFacts("enews@harbour-cities.example", "smtp.harbour-cities.example")
Judge = Callable[..., list[Finding]]


@pytest.fixture
def judge(sqlite: Engine, stored: Callable[[], Issue], press: Press) -> Judge:
    """The findings of the folder as it is now."""

    def judged(
        *, issue: Issue | None = None, press: Press = press, sender: SenderFacts = SENDER, **more: Any
    ) -> list[Finding]:
        kept = issue or stored()
        with sqlite.begin() as connection:
            return checks.check(connection, kept, press, sender, **more)

    return judged


@pytest.fixture
def judge_texts(sqlite: Engine, stored: Callable[[], Issue], press: Press) -> Judge:
    """The same of the words alone: nothing is drawn, so it takes no second."""

    def judged(*, issue: Issue | None = None, as_of: date | None = None) -> list[Finding]:
        kept = issue or stored()
        proofs = {
            language: unprinted(kept, language) for language in kept.languages if language in kept.texts
        }
        with sqlite.begin() as connection:
            case = Case(connection, kept, press, SENDER, proofs, as_of or kept.date)
            found = [one for check in texts.CHECKS for one in check(case)]
        return sorted(found, key=lambda one: list(Severity).index(one.severity))

    return judged


def unprinted(issue: Issue, language: str) -> Proof:
    letter, _ = markdown.read(issue, language, "Asia/Tokyo")
    managed = resources.collect(letter, issue, zone="Asia/Tokyo", host="example.org", web_url="")
    edition = Edition(0, issue.slug, None, language, "", letter.subject, "", "", None, (), {})
    return Proof(edition, letter, managed, Album({}, 0, True), None)  # type: ignore[arg-type]


def codes(findings: list[Finding]) -> list[tuple[str, str | None, str | None]]:
    return [(one.code, one.language, one.section) for one in findings if one.severity is not Severity.NOTE]


def test_a_good_issue_passes(judge: Judge) -> None:
    found = judge()
    assert codes(found) == []
    assert not checks.holds(found)


def test_an_office_without_a_web_server_is_told_what_is_left_out(judge: Judge, press: Press) -> None:
    found = judge(press=replace(press, base_url=""))
    assert {(one.code, one.severity) for one in found} >= {
        ("file_left_out", Severity.WARNING),
        ("calendar_left_out", Severity.NOTE),
    }
    assert not checks.holds(found)


def test_a_promised_language_without_a_text_holds(
    judge_texts: Judge, stored: Callable[[], Issue]
) -> None:  # F14
    issue = stored()
    assert ("language_missing", "fr", None) in codes(
        judge_texts(issue=replace(issue, languages=("ja", "en", "fr")))
    )


def test_an_empty_language_holds(judge_texts: Judge, folder: Any) -> None:  # F14
    folder.write("en.md", "# Meeting {#meeting}\n\n# Guide {#garden}\n")
    found = codes(judge_texts())
    assert ("language_empty", "en", None) in found
    assert ("section_empty", "en", "meeting") in found


def test_an_untranslated_language_holds_and_a_section_is_told(judge_texts: Judge, folder: Any) -> None:  # F14
    japanese = (folder.path / "ja.md").read_text("utf-8")
    folder.write("en.md", japanese)
    assert codes(judge_texts()) == [("untranslated", "en", None)]
    folder.write("en.md", japanese.replace("今年最後の便りです。", "The last letter. "))
    assert codes(judge_texts()) == [
        ("section_untranslated", "en", "meeting"),
        ("section_untranslated", "en", "garden"),
        ("translation_stale", "ja", None),
    ]


def test_the_text_of_an_earlier_issue_under_a_new_number_holds(
    judge_texts: Judge, sqlite: Engine, folder: Any, stored: Callable[[], Issue], keiko: Actor, now: datetime
) -> None:  # F14
    stored()
    with sqlite.begin() as connection:
        for state in (IssueState.APPROVED, IssueState.SENT):
            store.set_state(connection, "2034-12", state, by=keiko, now=now)
    folder.change("issue.toml", 'slug = "2034-12"', 'slug = "2035-01"')
    folder.change("issue.toml", "84", "85")
    (found,) = [one for one in judge_texts() if one.code == "unchanged"]
    assert found.facts == {"slug": "2034-12"}


def test_a_section_that_stands_in_one_language_only_is_told(judge_texts: Judge, folder: Any) -> None:
    folder.change("ja.md", "# 雨庭の手引き {#garden}", "# 追加 {#extra}\n\n本文\n\n# 雨庭の手引き {#garden}")
    assert codes(judge_texts()) == [("section_missing", "en", "extra")]


@pytest.mark.parametrize("url", ["#", "", "http://", "https://localhost/x", "TODO", "#nowhere"])
def test_a_link_that_leads_nowhere_holds(judge_texts: Judge, folder: Any, url: str) -> None:
    folder.change("en.md", "https://example.org/list", url)
    (found,) = [one for one in judge_texts() if one.severity is Severity.ERROR]
    assert (found.code, found.language, found.section, found.facts["url"]) == (
        "dead_link",
        "en",
        "meeting",
        url,
    )


def test_a_link_to_a_section_of_the_letter_lives(judge_texts: Judge, folder: Any) -> None:
    folder.change("en.md", "The last letter of the year.", "The last letter, with a [guide](#garden).")
    assert codes(judge_texts()) == []


def test_pictures_without_a_description_hold(judge_texts: Judge, folder: Any) -> None:
    folder.change("en.md", "![The hall from above]", "![]")
    folder.change("issue.toml", 'picture_alt = "Morning in the harbour"', 'picture_alt = ""')
    folder.change("ja.md", "![上から見た会場]", "![十一月十二日の全体会]")
    assert set(codes(judge_texts())) == {
        ("missing_alt", "en", None),
        ("missing_alt", "en", "meeting"),
        ("alt_repeats_caption", "ja", "meeting"),
    }


def test_a_picture_with_too_few_pixels_is_told(
    judge_texts: Judge, folder: Any, picture_bytes: Callable[..., bytes]
) -> None:
    folder.write("images/forum.jpg", picture_bytes((400, 225), "JPEG"))
    (found,) = judge_texts()[:1]
    assert (found.code, found.where, found.facts["width"]) == ("picture_small", "images/forum.jpg", 400)
    # It is shown 400 wide, never enlarged: nothing may say that it is shown wider.
    message, _ = checks.describe(found, words("en"))
    assert "is 400 pixels wide; it cannot fill the column of 536" in message


def test_dates_are_judged_by_the_day_of_sending(judge_texts: Judge, folder: Any) -> None:
    assert codes(judge_texts(as_of=date(2035, 1, 31))) == []
    assert {code for code, _, _ in codes(judge_texts(as_of=date(2035, 2, 1)))} == {"link_ended"}
    assert {code for code, _, _ in codes(judge_texts(as_of=date(2035, 2, 19)))} == {
        "link_ended",
        "event_past",
    }


def test_marks_typed_full_width_are_told_with_their_line(judge_texts: Judge, folder: Any) -> None:
    folder.change("ja.md", "今年最後の便りです。", "今年最後の便りです。\n\n＃　見出しのつもり\n")
    (found,) = judge_texts()[:1]
    assert (found.code, found.where) == ("full_width_marks", "ja.md, lead, line 3")


def test_a_long_subject_is_told_and_an_empty_one_holds(judge: Judge, stored: Callable[[], Issue]) -> None:
    issue = stored()
    changed = {
        "ja": replace(issue.texts["ja"], subject="長" * 40),
        "en": replace(issue.texts["en"], subject=" "),
    }
    found = codes(judge(issue=replace(issue, texts=changed)))
    assert ("subject_long", "ja", None) in found
    assert ("empty_subject", "en", None) in found


def test_a_fault_of_the_text_is_a_finding_that_no_reason_passes(
    judge: Judge, stored: Callable[[], Issue]
) -> None:
    issue = stored()
    broken = replace(issue, texts={**issue.texts, "ja": replace(issue.texts["ja"], lead="@@EMAIL@@")})
    (found,) = [
        one for one in judge(issue=broken, levels={"slot_in_text": "off"}) if one.code == "slot_in_text"
    ]
    assert found.severity is Severity.ERROR
    assert not checks.may_be_passed("slot_in_text")


# ── the mail ────────────────────────────────────────────────────────────────────────────────────


_proofs: list[Proof] = []  # of the good issue, drawn once: drawing takes half a second


@pytest.fixture
def proof(sqlite: Engine, stored: Callable[[], Issue], press: Press) -> Proof:
    if not _proofs:
        issue = stored()
        with sqlite.begin() as connection:
            _proofs.append(compose_proof(connection, issue, "en", press))
    return _proofs[0]


@pytest.fixture
def found_in(sqlite: Engine, stored: Callable[[], Issue], press: Press) -> Callable[..., list[Finding]]:
    """What the checks of the mail say of a proof that somebody spoiled."""

    def judged(proof: Proof, **spoiled: Any) -> list[Finding]:
        issue = stored()
        changed = replace(proof, edition=replace(proof.edition, **spoiled))
        with sqlite.begin() as connection:
            case = Case(connection, issue, press, SENDER, {"en": changed}, issue.date)
            return [found for check in mails.CHECKS for found in check(case)]

    return judged


@pytest.mark.parametrize("field", ["organisation", "postal_address", "contact"])
def test_the_legal_block_must_stand_in_both_parts(
    judge: Judge, proof: Proof, found_in: Callable[..., list[Finding]], press: Press, field: str
) -> None:
    identity = press.identity("en")
    emptied = replace(press, identities={**press.identities, "en": replace(identity, **{field: ""})})
    assert ("legal_missing", "en", None) in codes(judge(press=emptied, levels={"legal_missing": "off"}))
    value = getattr(identity, field)
    text = proof.edition.text.replace(value, "")
    assert [one.facts["reason"] for one in found_in(proof, text=text)] == ["text"]
    html = proof.edition.html.replace(value, "")
    if field != "contact":  # the address of the contact also stands in a link
        assert [one.code for one in found_in(proof, html=html)] == ["legal_missing"]


@pytest.mark.parametrize(
    ("postal_address", "languages", "told"),
    [
        ({"ja": "横浜市中区海辺通1-2-3"}, ["ja", "en"], True),
        ({"ja": "横浜市中区海辺通1-2-3"}, ["ja"], True),  # the issue has English, the site does not
        ({"ja": "横浜市中区海辺通1-2-3", "en": "1-2-3 Umibe-dori, Yokohama"}, ["ja", "en"], False),
        ({"ja": "横浜市中区海辺通1-2-3", "en": "1-2-3 Umibe-dori, Yokohama"}, ["ja", "en-GB"], False),
        ("1-2-3 Umibe-dori, Yokohama", ["ja", "en"], False),  # one for all
    ],
)
def test_an_address_borrowed_from_another_language_is_told(
    judge: Judge, press: Press, postal_address: Any, languages: list[str], told: bool
) -> None:
    config = Config.model_validate(
        {
            "site": {"languages": languages},
            "sender": {
                "postal_address": postal_address,
                "organisation": "Harbour Office",
                "contact": "a@b.example",
            },
        }
    )
    found = judge(press=replace(press, identities=identities(config)))
    borrowed = [one for one in found if one.code == "legal_in_other_language"]
    assert [(one.language, one.where) for one in borrowed] == [("en", "sender.postal_address")] * told
    assert all("Japanese" in checks.describe(one, words("en"))[0] for one in borrowed)
    assert all("日本語" in checks.describe(one, words("ja"))[0] for one in borrowed)


def test_a_legal_block_hidden_by_a_style_is_missing(
    proof: Proof, found_in: Callable[..., list[Finding]]
) -> None:
    for style in ("display:none", "visibility: hidden", "max-height:0;overflow:hidden"):
        html = proof.edition.html.replace("<body", "<body><div style='" + style + "'", 1)
        found = {one.code for one in found_in(proof, html=html)}
        assert found == {"legal_hidden", "unsubscribe_missing"}


def test_the_way_out_must_stand_in_both_parts(proof: Proof, found_in: Callable[..., list[Finding]]) -> None:
    token = SLOTS["UNSUBSCRIBE"].token
    assert found_in(proof) == []
    for part in ("html", "text"):
        spoiled = {part: getattr(proof.edition, part).replace(token, "https://example.org/")}
        assert [one.code for one in found_in(proof, **spoiled)] == ["unsubscribe_missing"]


def test_a_mail_that_would_be_clipped_holds_and_names_the_longest_section(
    proof: Proof, found_in: Callable[..., list[Finding]]
) -> None:  # F43
    room = mails.CLIP_BYTES - len(proof.edition.html.encode())
    padded = proof.edition.html.replace("</body>", f"<p>{'x' * (room - 3000)}</p></body>")
    (found,) = found_in(proof, html=padded)
    assert (found.code, found.severity) == ("mail_long", Severity.WARNING)
    padded = proof.edition.html.replace("</body>", f"<p>{'x' * (room - 500)}</p></body>")
    (found,) = found_in(proof, html=padded)  # only with the longest values of the fields is it too long
    assert (found.code, found.section) == ("mail_clipped", "meeting")
    assert found.facts["title"] == "Practitioners met"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("</body>", "<p>@@FIRST_NAME@@</p></body>", "unknown_slot"),
        ("</body>", "<p>\u0092</p></body>", "control_in_mail"),
        ("</head>", f"<style>{'a{color:red}' * 800}</style></head>", "style_long"),
        ("</head>", f"<style>{'a{color:red}' * 1500}</style></head>", "style_cut"),
    ],
)
def test_what_would_spoil_a_mail_is_found(
    proof: Proof, found_in: Callable[..., list[Finding]], old: str, new: str, code: str
) -> None:
    html = proof.edition.html.replace(old, new, 1)
    assert [one.code for one in found_in(proof, html=html)] == [code]


def test_pictures_beyond_the_budget_and_a_heavy_message_are_told(
    judge: Judge, proof: Proof, found_in: Callable[..., list[Finding]], press: Press
) -> None:
    assert {code for code, _, _ in codes(judge(press=replace(press, pictures_budget_bytes=100)))} == {
        "pictures_heavy"
    }
    (found,) = found_in(proof, text=proof.edition.text + "x" * 400_000)
    assert (found.code, found.facts["limit_kb"]) == ("mail_heavy", 500)


# ── the sender, the levels, the words ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("email", "relay", "held"),
    [
        ("office@gmail.com", "smtp.harbour-cities.example", True),
        ("office@gmail.com", "smtp.gmail.com", False),
        ("office@gmail.com", "gmail.com.evil.example", True),
        ("office@GMAIL.com", "smtp-relay.gmail.com.", False),
        ("office@yahoo.co.jp", "localhost", True),
        ("office@yahoo.co.jp", "smtp.mail.yahoo.co.jp", False),
        ("office@docomo.ne.jp", "smtp.example.org", True),
        ("office@outlook.com", "smtp-mail.outlook.com", False),
        ("office@harbour-cities.example", "smtp.gmail.com", False),
    ],
)
def test_a_free_mail_sender_needs_the_relay_of_that_provider(
    judge: Judge, email: str, relay: str, held: bool
) -> None:  # F52
    case = Case(None, None, None, SenderFacts(email, relay), {}, date(2034, 12, 20))  # type: ignore[arg-type]
    found = [one.code for one in senders.sender(case)]
    assert found == (["free_mail_sender"] if held else [])


def test_without_a_sender_nothing_leaves(judge: Judge) -> None:
    assert "sender_missing" in {one.code for one in judge(sender=SenderFacts("", "localhost"))}


def test_an_office_sets_how_grave_a_finding_is(
    judge: Judge, folder: Any, stored: Callable[[], Issue]
) -> None:
    folder.change("en.md", "https://example.org/list", "#")
    issue = replace(stored(), languages=("en",))
    for level, held in (("hold", True), ("warn", False), ("off", False)):
        found = judge(issue=issue, levels={"dead_link": level})
        assert checks.holds(found) is held
        assert ("dead_link" in {one.code for one in found}) is (level != "off")


def test_errors_come_first(judge: Judge, folder: Any) -> None:
    folder.change("ja.md", "# 雨庭の手引き {#garden}", "# 追加 {#extra}\n\n本文\n\n# 雨庭の手引き {#garden}")
    folder.change("en.md", "https://example.org/list", "#")
    assert [one.severity for one in judge()][:2] == [Severity.ERROR, Severity.WARNING]
