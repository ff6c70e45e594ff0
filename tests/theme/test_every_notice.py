"""Each notice in each of its languages: both parts whole, one button, the reader's own direction."""

from __future__ import annotations

import re
from functools import cache
from html import unescape

import pytest
from rich.cells import cell_len

from mailer import i18n
from mailer.composer.look.theme import Theme
from mailer.composer.notice_samples import samples
from mailer.composer.notices import NOTICES, VALUES
from subscribers.language import match
from tests.theme import samples as world

EVERY = [(kind.name, language) for kind in NOTICES.values() for language in kind.languages]
MOORING = Theme(None)
_TAG = re.compile(r"<style.*?</style>|<!--.*?-->|<[^>]*>", re.S)


@cache
def drawn(name: str, language: str, *, web: bool = True) -> tuple[str, str, str]:
    about = world.surroundings(match([language], tuple(world.IDENTITIES)) or "en")
    values = NOTICES[name].values(samples(name, language, web=web))
    return MOORING.render_notice(name, i18n.words(language), about, values)


def seen(html: str) -> str:
    return " ".join(unescape(_TAG.sub("", html)).split())


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_both_parts_hold_every_value_and_who_sends(name: str, language: str) -> None:
    subject, html, text = drawn(name, language)
    for key, value in samples(name, language).items():
        if key in ("old_language_tag", "days") or (
            key == "slug" and "_url" in " ".join(samples(name, language))
        ):
            continue  # says which words are used; a command stands only where there is no page
        lines = value.split("\n")
        if key == "subjects":  # each in its own language
            tagged = [line.split(" ", 1) for line in lines]
            assert all(f'<span lang="{tag}" dir="ltr">{subject}</span>' in html for tag, subject in tagged)
            lines = [subject for _, subject in tagged]
        for line in lines:
            assert line in seen(html) or VALUES[key] == "url", key
            assert line in text.replace("\u2066", "").replace("\u2069", ""), key
        if VALUES[key] == "url":
            assert f'href="{value}"' in html and f"\n{value}\n" in text  # on a line of its own
    assert (
        i18n.words(language)(f"mail.{name}.once") in seen(html)
        and i18n.words(language)(f"mail.{name}.once") in text
    )
    assert subject and "@@" not in html + text
    assert len(html.encode()) < 24_000
    assert "\n\n\n" not in text and not re.search(r"^[ \t]+|[ \t]+$", text, re.M)


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_there_is_one_button_and_below_it_where_it_leads(name: str, language: str) -> None:
    _, html, _ = drawn(name, language)
    buttons = re.findall(
        r'<a\b[^>]*class="[^"]*onfill"[^>]*href="([^"]*)"|<a\b[^>]*href="([^"]*)"[^>]*class="[^"]*onfill"',
        html,
    )
    assert len(buttons) == (0 if name == "test" else 1)
    for address in ("".join(pair) for pair in buttons):
        assert f">{address}</a>" in html


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_a_notice_carries_its_language_and_direction(name: str, language: str) -> None:
    _, html, text = drawn(name, language)
    direction = i18n.direction(language)
    assert f'<html lang="{language}" dir="{direction}"' in html
    if direction == "rtl" and "address" in NOTICES[name].needs:
        assert '<bdi dir="ltr">reader@example.org</bdi>' in html
        assert "\u2066reader@example.org\u2069" in text


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_a_subject_fits_the_list_of_mails(name: str, language: str) -> None:
    """Thirty full-width signs are what a telephone shows in two lines."""
    assert cell_len(drawn(name, language)[0]) <= 60


@pytest.mark.parametrize("name", [kind.name for kind in NOTICES.values() if not kind.needs_web])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_without_a_web_server_no_part_is_left_open(name: str, language: str) -> None:
    _, html, text = drawn(name, language, web=False)
    links = [link for link in re.findall(r'href="([^"]*)"', html) if not link.startswith("mailto:")]
    assert links == [f"{world.BASE}/privacy/{language}"]  # the office's own page
    assert "\n\n\n" not in text and not re.search(r"^$\n^$", text, re.M)
    if name.startswith("approval"):
        assert "mailer issues" in seen(html) and "mailer issues" in text


def test_who_cannot_read_the_new_language_finds_the_way_back_in_the_old_one() -> None:
    for part in drawn("language_changed", "ar")[1:]:
        assert "Go back to English" in part
    values = samples("language_changed", "en") | {"old_language": "Français", "old_language_tag": "fr"}
    _, html, _ = MOORING.render_notice("language_changed", i18n.words("en"), world.surroundings("en"), values)
    assert "Go back to" not in html  # nobody wrote it in French; the button is there


@pytest.mark.parametrize(
    ("days", "said"), [("0", "is due today"), ("1", "1 day until"), ("3", "3 days until")]
)
def test_days_are_counted_as_the_language_counts(days: str, said: str) -> None:
    values = samples("approval_reminder", "en") | {"days": days}
    _, html, text = MOORING.render_notice(
        "approval_reminder", i18n.words("en"), world.surroundings("en"), values
    )
    assert said in html and said in text


@pytest.mark.parametrize("name", [kind.name for kind in NOTICES.values() if kind.audience == "subscriber"])
@pytest.mark.parametrize("language", ["ja", "ar"])
def test_a_notice_can_be_composed_once_and_filled_for_each_person(name: str, language: str) -> None:
    values = {
        key: value if key in ("old_language_tag", "sender_domain") else f"@@{key.upper()}@@"
        for key, value in samples(name, language).items()
    } | {"address": "@@EMAIL@@"}
    about = world.surroundings(language)
    _, html, text = MOORING.render_notice(name, i18n.words(language), about, values)
    for token in (value for value in values.values() if value.startswith("@@")):
        assert token in html and token in text
