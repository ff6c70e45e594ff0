"""The list of notices: what each asks for, and values to look at them with."""

from __future__ import annotations

import pytest

from mailer.composer import notices
from mailer.composer.notice_samples import samples
from mailer.composer.notices import NOTICES, VALUES

EVERY = [(kind.name, language) for kind in NOTICES.values() for language in kind.languages]


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_every_notice_has_a_sample_of_every_value_in_each_of_its_languages(name: str, language: str) -> None:
    values = samples(name, language)
    assert set(values) == {*NOTICES[name].needs, *NOTICES[name].may} and all(values.values())


@pytest.mark.parametrize("kind", NOTICES.values(), ids=lambda kind: kind.name)
def test_an_office_without_a_web_server_leaves_out_what_may_be(kind: notices.NoticeKind) -> None:
    values = samples(kind.name, "ja", web=False)
    assert not any(values[name] for name in kind.may)
    assert not any(value.startswith("http") for value in values.values())


def test_every_value_is_asked_for_by_some_notice() -> None:
    assert set(VALUES) == {name for kind in NOTICES.values() for name in (*kind.needs, *kind.may)}


def test_a_missing_an_unknown_and_a_malformed_value_are_named() -> None:
    with pytest.raises(ValueError, match=r"lacks confirm_url, letter; it does not know leter$"):
        notices.kind("confirm").values(
            {"address": "a", "requested_at": "b", "valid_until": "c", "leter": "Harbour Letter"}
        )
    days = samples("approval_reminder", "en") | {"days": "three"}
    with pytest.raises(ValueError, match="wants a whole number for days"):
        notices.kind("approval_reminder").values(days)
    with pytest.raises(ValueError, match="no notice “welcom”, only confirm, "):
        notices.kind("welcom")


def test_a_language_without_samples_of_its_own_gets_the_english_ones() -> None:
    assert samples("confirm", "fr")["letter"] == "Harbour Letter (monthly)"
