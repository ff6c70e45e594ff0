"""An office that changes its theme sees every notice before a reader does."""

from __future__ import annotations

import json
import re

from mailer.composer.notices import NOTICES


def test_every_notice_in_each_language_lies_in_the_folder_and_on_one_page(office) -> None:
    made = office.json("notices", "preview", "--out", "seen")
    languages = {(one["name"], one["language"]) for one in made["notices"]}
    assert languages == {(name, language) for name in NOTICES for language in ("ja", "en")}
    for one in made["notices"]:
        html = (office.folder / one["html"]).read_text("utf-8")
        assert one["subject"] in html and (office.folder / one["text"]).read_text("utf-8")
        for source in re.findall(r'src="([^"]+)"', html):  # pictures lie beside it
            assert (office.folder / "seen" / one["language"] / source).is_file()
    page = (office.folder / made["index"]).read_text("utf-8")
    for source in re.findall(r'(?:src|href)="(?!#)([^"]+)"', page):
        assert (office.folder / "seen" / source).is_file()


def test_an_operators_own_template_shows_in_the_preview(office) -> None:
    notices = office.folder / "templates" / "notices"
    notices.mkdir(parents=True)
    (notices / "goodbye.subject").write_text("{{ identity.newsletter }} …\n", "utf-8")
    office.configure(site__templates_dir="templates")
    made = office.json("notices", "preview", "--out", "seen")
    assert {one["subject"][-1] for one in made["notices"] if one["name"] == "goodbye"} == {"…"}


def test_the_list_says_what_each_notice_needs(office) -> None:
    told = {one["name"]: one for one in office.json("notices", "list")}
    assert set(told) == set(NOTICES)
    assert "confirm_url" in told["confirm"]["needs"] and "zh-Hans" in told["confirm"]["languages"]
    assert told["password"]["languages"] == ["ja", "en"]
    assert "登録完了" in office.run("notices", "list", "--lang", "ja").stdout
    assert json.dumps(told)
