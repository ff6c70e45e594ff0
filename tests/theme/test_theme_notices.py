"""Notices share the sheet, the footer and the rules of the letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailer import i18n
from mailer.composer.look.inlining import BadTemplate
from mailer.composer.look.theme import Theme
from mailer.composer.notice_samples import samples as values_of
from tests.theme import samples

MOORING = Theme(None)


def notice(name: str, language: str, **values: str) -> tuple[str, str, str]:
    about = samples.surroundings(language)
    return MOORING.render_notice(name, i18n.words(language), about, {**values_of(name, language), **values})


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("name", ["confirm", "test"])
def test_both_parts_say_the_same_and_who_sends(name: str, language: str) -> None:
    subject, html, text = notice(name, language)
    identity = samples.IDENTITIES[language]
    assert subject and "\n" not in subject and identity.newsletter in subject
    for part in (html, text):
        assert identity.organisation in part
        assert identity.postal_address in part
        assert values_of(name, language)["address"] in part
        assert i18n.words(language)(f"mail.{name}.once") in part
    assert html.startswith("<!DOCTYPE html>") and f"<title>{subject}</title>" in html
    assert len(html.encode()) < 20_000


@pytest.mark.parametrize("language", ["ja", "en"])
def test_confirming_is_one_button_and_the_bare_address(language: str) -> None:
    _, html, text = notice("confirm", language)
    address = values_of("confirm", language)["confirm_url"]
    assert html.count(f'href="{address}"') == 2
    assert f">{address}</a>" in html
    assert f"\n{address}\n" in text


def test_values_may_be_slots_and_nothing_else_may() -> None:
    _, html, text = notice("confirm", "ja", address="@@EMAIL@@", confirm_url="@@CONFIRM@@")
    assert html.count("@@CONFIRM@@") == 3 and "@@EMAIL@@" in text


def test_a_value_is_never_markup() -> None:
    _, html, _ = notice("confirm", "en", letter='<b onclick="x">{{ 7*7 }}</b>')
    assert "&lt;b onclick=" in html and "{{ 7*7 }}" in html


def test_a_missing_value_is_named() -> None:
    with pytest.raises(BadTemplate, match="confirm_url"):
        MOORING.render_notice("confirm", i18n.words("ja"), samples.surroundings("ja"), {})


def test_an_operators_notice_stands_beside_ours(tmp_path: Path) -> None:
    (tmp_path / "notices").mkdir()
    (tmp_path / "notices" / "confirm.subject").write_text("{{ identity.newsletter }}: ようこそ\n")
    own = Theme(tmp_path)
    subject, html, _ = own.render_notice(
        "confirm", i18n.words("ja"), samples.surroundings("ja"), values_of("confirm", "ja")
    )
    assert subject == "みなと便り: ようこそ"
    assert "お心当たりの" in html
