"""What an office may choose of the theme, and what is refused when it is read."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from mailer import i18n
from mailer.composer.look.inlining import BadTemplate
from mailer.composer.look.theme import Theme
from mailer.composer.look.theme_settings import LEAST, LEAST_OF_ANY, SIZES, BadTheme
from mailer.composer.model import Shown
from mailer.composer.notice_samples import samples as values_of
from tests.theme import samples

LANGUAGES = ("ja", "en", "ar", "zh-Hant")


def office(folder: Path, toml: str = "") -> Theme:
    """A theme with an operator's folder."""
    (folder / "theme.toml").write_text(toml, "utf-8")
    return Theme(folder)


def drawn(folder: Path, name: str, size: tuple[int, int], colour: str, *, ground: str | None = None) -> None:
    """Three bars, as letters would stand; on `ground`, else transparent."""
    image = Image.new("RGBA", size, ground or (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    width, height = size
    for at in range(3):
        left = width * (2 * at + 1) // 8
        pen.rectangle((left, height // 6, left + width // 8, height * 5 // 6), fill=colour)
    (folder / "images").mkdir(exist_ok=True)
    image.save(folder / "images" / name)


def mail(theme: Theme, language: str = "en") -> str:
    shown = {
        name: Shown(f"{samples.BASE}/media/{name}.png", *one.shown) for name, one in theme.decorations.items()
    }
    about = replace(samples.surroundings(language), decorations=shown)
    return theme.render_issue(samples.letter(language), about, i18n.words(language))


# ── judged when read ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("toml", "reason", "names"),
    [
        ("[colour", "broken", ""),
        ('[colour]\nink = "#000"', "colour", "colour.ink"),
        ('[colour]\nink = ["#000000"]', "colour", "colour.ink"),
        ('[colour]\nink = ["#000000", "red;} body{display:none"]', "colour", "colour.ink"),
        ('[colour]\nlinks = ["#000000", "#FFFFFF"]', "unknown", "colour.links"),
        ("[colors]\n", "unknown", "colors"),
        ('heading = "compact"', "unknown", "heading"),
        ("colour = 3", "table", "[colour]"),
        ("[type]\nja = 3", "table", "[type.ja]"),
        ('header = "big"', "choice", "nameplate, compact, logo"),
        ("header = true", "choice", "nameplate, compact, logo"),
        ('size = "tiny"', "choice", "small, normal, large"),
        ("size = 1", "choice", "small, normal, large"),
        ('tide = "no"', "yes_no", "tide"),
        ('header = "logo"', "no_logo", "logo"),
        ("[logo]\nheight = 300", "range", "24"),
        ("[logo]\nheight = true", "range", "96"),
        ('[logo]\nground = "white"', "choice", "#RRGGBB"),
        ("[logo]\nalt = 3", "text", "logo.alt"),
        ("[logo]\nalt = {ja = 3}", "text", "logo.alt"),
        ("[logo]\nwidth = 3", "unknown", "logo.width"),
        ('[type.ja]\nsans = "x</style><script>"', "face", "type.ja.sans"),
        ("[type.ja]\nserif = 3", "face", "type.ja.serif"),
        ('[type.ja]\nh1 = ["30px", 44]', "sizes", "type.ja.h1"),
        ("[type.ja]\nh1 = [30, 44]", "sizes", "4"),
        ("[type.ja]\nbody = 16", "sizes", "2"),
        ("[type.ja]\nbody = [15, 26]", "too_small", "16"),
        ("[type.latin]\ncaption = [12, 18]", "too_small", "14"),
        ("[type.ja]\nbody = [18, 18]", "too_tight", "type.ja.body"),
        ("[type.ja]\nh4 = [20, 30]", "unknown", "type.ja.h4"),
        ('[type.fr]\nlike = "klingon"', "choice", "latin"),
        ("[type.ja]\nserif_weight = 450", "choice", "400"),
        ("[type.ja]\naxis = 500", "range", "290"),
    ],
)
def test_a_setting_that_no_mail_can_hold_is_refused_in_one_sentence_of_each_language(
    toml: str, reason: str, names: str, tmp_path: Path
) -> None:
    with pytest.raises(BadTheme) as raised:
        office(tmp_path, toml)
    assert raised.value.facts["reason"] == reason
    for language in ("ja", "en"):
        sentence, remedy = i18n.words(language).error(raised.value)
        assert "theme.toml" in sentence and remedy
        assert names in f"{sentence} {remedy}"
        assert "{" not in sentence


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theme.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadTheme):
        Theme(tmp_path)


def test_a_folder_that_is_not_there_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    with pytest.raises(BadTheme) as raised:
        Theme(tmp_path / "loook")
    assert "loook" in i18n.words("ja").error(raised.value)[0]


# ── type ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", [*LANGUAGES, "fr"])
@pytest.mark.parametrize("size", SIZES)
def test_no_choice_of_size_lets_reading_text_become_small(size: str, language: str, tmp_path: Path) -> None:
    scale = office(tmp_path, f'size = "{size}"')._settings.type(language)
    for name, least in {"lead": LEAST["lead"], "body": LEAST["body"], "small": 14, "caption": 14}.items():
        assert scale[name][0] >= max(least, LEAST_OF_ANY)
    assert scale["h1"][0] > scale["h2"][0] > scale["body"][0]
    assert scale["h2"][2] > scale["body"][0]  # on a telephone, too
    assert scale["axis"] <= 290


def test_sizes_are_three_and_each_differs(tmp_path: Path) -> None:
    scales = [office(tmp_path, f'size = "{size}"')._settings.type("en") for size in SIZES]
    assert [scale["h1"][0] for scale in scales] == [28, 32, 35]
    assert [scale["body"] for scale in scales] == [[16, 26], [16, 26], [18, 29]]


# ── the header ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("header", ["nameplate", "compact", "logo"])
def test_every_header_names_the_newsletter_its_number_and_its_date(
    header: str, language: str, tmp_path: Path
) -> None:
    drawn(tmp_path, "logo.png", (600, 140), "#1A4F70", ground="#FFFFFF")
    html = mail(office(tmp_path, f'header = "{header}"'), language)
    top = html[html.index("<body") : html.index("<h1")]
    words, about = i18n.words(language), samples.surroundings(language)
    assert about.identity.newsletter in top
    assert words.date(about.date, "weekday") in top
    assert words("mail.view_in_browser") in top
    assert ("logo.png" in top) == (header == "logo") == ("mark.png" not in top)


def test_a_logo_says_what_it_shows(tmp_path: Path) -> None:
    drawn(tmp_path, "logo.png", (600, 140), "#1A4F70", ground="#FFFFFF")
    office_name = samples.IDENTITIES["en"].organisation
    assert f'alt="{office_name}"' in mail(office(tmp_path, 'header = "logo"'))
    own = office(tmp_path, 'header = "logo"\n[logo]\nalt = {ja = "青い波", en = "A blue wave"}')
    assert 'alt="A blue wave"' in mail(own)
    assert 'alt="青い波"' in mail(own, "ja")
    assert f'alt="{samples.IDENTITIES["ar"].organisation}"' in mail(own, "ar")


def test_a_notice_has_the_same_header(tmp_path: Path) -> None:
    drawn(tmp_path, "logo.png", (600, 140), "#1A4F70", ground="#FFFFFF")
    theme = office(tmp_path, 'header = "logo"')
    about = replace(samples.surroundings("en"), decorations={"logo": Shown("https://example.org/l", 240, 56)})
    values = values_of("test", "en")
    _, html, _ = theme.render_notice("test", i18n.words("en"), about, values)
    assert 'src="https://example.org/l"' in html


def test_the_strip_of_water_can_be_left_out(tmp_path: Path) -> None:
    theme = office(tmp_path, "tide = false")
    assert theme.decorations.keys() == {"mark"}
    assert "tide.png" not in mail(theme)


# ── pictures of an operator ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((1200, 300), (224, 56)),  # four to one
        ((2400, 200), (240, 20)),  # wider than the room: the width decides
        ((300, 1200), (14, 56)),
        ((100, 40), (100, 40)),  # never enlarged
    ],
)
def test_a_logo_of_any_shape_fits_its_room(
    size: tuple[int, int], shown: tuple[int, int], tmp_path: Path
) -> None:
    drawn(tmp_path, "logo.png", size, "#1A4F70", ground="#FFFFFF")
    logo = office(tmp_path, 'header = "logo"').decorations["logo"]
    assert logo.shown == shown
    assert logo.pixels[0] <= 4 * shown[0]
    assert len(logo.content) < 20_000


def test_a_logo_may_be_higher(tmp_path: Path) -> None:
    drawn(tmp_path, "logo.png", (300, 300), "#1A4F70", ground="#FFFFFF")
    assert office(tmp_path, 'header = "logo"\n[logo]\nheight = 80').decorations["logo"].shown == (80, 80)


@pytest.mark.parametrize(
    ("colour", "ground"),
    [
        ("#16242E", "#FFFFFF"),  # ink: lost on dark paper
        ("#FFFFFF", "#1A4F70"),  # white: lost on white paper
        ("#4E8CB0", None),  # a blue that stands off both
    ],
)
def test_a_transparent_logo_that_would_be_lost_stands_on_a_plate(
    colour: str, ground: str | None, tmp_path: Path
) -> None:
    drawn(tmp_path, "logo.png", (480, 112), colour)
    logo = office(tmp_path, 'header = "logo"').decorations["logo"]
    (tmp_path / "made.png").write_bytes(logo.content)
    with Image.open(tmp_path / "made.png") as made:
        corner = made.convert("RGBA").getpixel((0, 0))
    assert logo.shown[0] <= 240 and logo.shown[1] <= 56
    if ground is None:
        assert isinstance(corner, tuple) and corner[3] == 0
    else:
        assert corner == (*(int(ground[at : at + 2], 16) for at in (1, 3, 5)), 255)


def test_our_own_mark_needs_no_plate() -> None:
    assert (
        Theme(None).decorations["mark"].content
        == (samples.CHECKOUT / "templates/images/mark.png").read_bytes()
    )


def test_the_ground_of_a_logo_can_be_chosen(tmp_path: Path) -> None:
    drawn(tmp_path, "logo.png", (480, 112), "#16242E")
    none = office(tmp_path, 'header = "logo"\n[logo]\nground = "none"').decorations["logo"]
    assert none.content == (tmp_path / "images" / "logo.png").read_bytes()
    sand = office(tmp_path, 'header = "logo"\n[logo]\nground = "#F7F2E6"').decorations["logo"]
    (tmp_path / "made.png").write_bytes(sand.content)
    with Image.open(tmp_path / "made.png") as made:
        assert made.convert("RGB").getpixel((0, 0)) == (0xF7, 0xF2, 0xE6)


def test_a_strip_of_their_own_is_wide_and_flat(tmp_path: Path) -> None:
    drawn(tmp_path, "tide.png", (1200, 100), "#1A4F70", ground="#FFFFFF")
    assert office(tmp_path).decorations["tide"].shown == (600, 50)
    for size in ((400, 40), (1200, 400)):
        drawn(tmp_path, "tide.png", size, "#1A4F70", ground="#FFFFFF")
        with pytest.raises(BadTheme, match=r"images/tide\.png"):
            _ = office(tmp_path).decorations


def test_a_picture_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "mark.png").write_bytes(b"not a picture")
    with pytest.raises(BadTheme) as raised:
        _ = office(tmp_path).decorations
    assert "images/mark.png" in i18n.words("ja").error(raised.value)[0]


# ── one thing alone ─────────────────────────────────────────────────────────────────────────────


def test_one_part_of_a_letter_is_changed_alone(tmp_path: Path) -> None:
    (tmp_path / "issue.html").write_text(
        '{% extends "mooring/issue.html" %}\n'
        "{% block share %}{% endblock %}\n"
        '{% block opening %}{{ super() }}<tr><td class="row ink body">From the director</td></tr>{% endblock %}'
    )
    html = mail(office(tmp_path))
    assert "From the director" in html and "In this issue" in html
    assert "Share this issue" not in html
    assert html.index("Three days that joined our waterfronts</h1>") < html.index("From the director")


def test_a_layout_of_their_own_reaches_issue_and_notice_and_meets_itself_never(tmp_path: Path) -> None:
    (tmp_path / "layout.html").write_text(
        '{% extends "mooring/layout.html" %}{% block footer %}<p>Harbour ward 7</p>{{ super() }}{% endblock %}'
    )
    theme = office(tmp_path)
    assert "Harbour ward 7" in mail(theme)
    _, notice, _ = theme.render_notice(
        "test", i18n.words("en"), samples.surroundings("en"), values_of("test", "en")
    )
    assert "Harbour ward 7" in notice


def test_a_template_that_extends_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "issue.html").write_text('{% extends "issue.html" %}')
    with pytest.raises(BadTemplate, match="extends itself"):
        mail(office(tmp_path))


def test_one_block_is_drawn_anew_alone(tmp_path: Path) -> None:
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks" / "note.html").write_text(
        '{% import "mooring/blocks.html" as draw with context %}\n'
        '<tr><td class="row box"><p class="ink2 flat">Note from the quay</p>{{ draw.note(row) }}</td></tr>'
    )
    html = mail(office(tmp_path))
    assert html.index("Note from the quay") < html.index("Office closed over the New Year")
    assert "Download" in html


def test_a_block_that_there_is_not_is_told(tmp_path: Path) -> None:
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks" / "notes.html").write_text("")
    with pytest.raises(BadTemplate, match=r"blocks/notes\.html"):
        office(tmp_path)


def test_a_few_rules_of_their_own_are_laid_behind_ours(tmp_path: Path) -> None:
    (tmp_path / "own.css").write_text(
        "h1 { color: {{ colour.accent }} } /* ours since 2031 */\n"
        "/* == block B == */\n@media (max-width: 599px) { h1 { letter-spacing: 1px !important } }"
    )
    html = mail(office(tmp_path))
    heading = re.search(r"<h1[^>]*>", html)
    assert heading and "color:#A5452F" in heading[0] and "font-size:32px" in heading[0]
    assert "letter-spacing:1px !important" in html and "2031" not in html


def test_rules_that_leave_their_sheet_are_refused(tmp_path: Path) -> None:
    (tmp_path / "own.css").write_text("</style><script>")
    with pytest.raises(BadTemplate, match=r"own\.css"):
        mail(office(tmp_path))


def test_the_examples_of_the_handbook_work_as_they_are_printed(tmp_path: Path) -> None:
    text = (samples.CHECKOUT / "docs" / "operating.md").read_text("utf-8").partition("## 12. ")[2]
    fenced = re.findall(r"```(\w+)\n(.*?)```", text, re.S)
    toml = next(code for kind, code in fenced if kind == "toml" and "theme.toml" in code)
    issue, note = (code for kind, code in fenced if kind == "html")
    drawn(tmp_path, "logo.png", (600, 140), "#1A4F70")
    (tmp_path / "blocks").mkdir()
    (tmp_path / "issue.html").write_text(issue, "utf-8")
    (tmp_path / "blocks" / "note.html").write_text(note, "utf-8")
    (tmp_path / "own.css").write_text(next(code for kind, code in fenced if kind == "css"), "utf-8")
    html = mail(office(tmp_path, toml))
    assert 'alt="Umibe City"' in html and "From the director" in html and "Notice of the ward office" in html
    assert "#0A5B46" in html and re.search(r"<h1[^>]*color:#A5452F", html)
    named = re.findall(r"`(\w+)`", text.partition("change a block: ")[2].partition(";")[0])
    source = "".join((samples.CHECKOUT / "templates" / f).read_text() for f in ("issue.html", "layout.html"))
    assert set(named) == set(re.findall(r"{%-? block (\w+)", source)) - {"letter"}
