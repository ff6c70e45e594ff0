"""The public archive: open from the launch on, in each language, with its neighbours."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.engine import Engine

from mailer import media
from mailer.tables.campaigns import campaign
from mailer.tables.composer import edition, issue

from .conftest import JPEG, NOW, World, add_issue, build

TWO = {"ja": "水辺のまち", "en": "Waterfronts"}


def send(world: World, slug: str = "2034-12", **facts: object) -> None:
    with world.engine.begin() as connection:
        facts = {"titles": TWO, "sent_to": [world.lists["enews"]], **facts}
        add_issue(connection, slug, **facts)  # type: ignore[arg-type]


def test_an_issue_is_public_from_its_launch_and_not_before(world: World) -> None:
    send(world, "2034-11", launched_at=None, state="approved")
    send(world, "2034-10", sent_to=None, state="approved")
    for slug in ("2034-11", "2034-10", "2034-99"):
        assert world.client.get(f"/archive/ja/{slug}/").status_code == 404
    assert "/archive/ja/2034" not in world.client.get("/archive/ja/").text
    send(world)
    assert world.client.get("/archive/ja/2034-12/").status_code == 200
    assert "/archive/ja/2034-12/" in world.client.get("/archive/ja/").text


def test_an_issue_of_private_lists_can_be_read_by_its_address_alone(world: World) -> None:
    send(world, sent_to=[world.lists["staff"]])
    page = world.client.get("/archive/ja/2034-12/")
    assert page.status_code == 200
    assert page.headers["x-robots-tag"] == "noindex"
    assert "2034-12" not in world.client.get("/archive/ja/").text


def test_the_page_names_itself_its_languages_and_its_picture(world: World) -> None:
    web = (
        '<article class="article"><h1>{title}</h1>'
        '<img src="https://mail.example.org/media/aa.jpg" width="600" height="260" alt="港 &amp; 船" loading="eager"></article>'
    )
    send(world, web=web)
    page = world.client.get("/archive/en/2034-12/").text
    for line in (
        '<html lang="en" dir="ltr">',
        "<title>Waterfronts – Harbour Letter</title>",
        '<link rel="canonical" href="https://mail.example.org/archive/en/2034-12/">',
        '<link rel="alternate" hreflang="ja" href="https://mail.example.org/archive/ja/2034-12/">',
        '<link rel="alternate" hreflang="en" href="https://mail.example.org/archive/en/2034-12/">',
        '<link rel="alternate" hreflang="x-default" href="https://mail.example.org/archive/ja/2034-12/">',
        '<meta property="og:type" content="article">',
        '<meta property="og:title" content="Waterfronts">',
        '<meta property="og:description" content="About Waterfronts">',
        '<meta property="og:locale" content="en_GB">',
        '<meta property="og:locale:alternate" content="ja_JP">',
        '<meta property="og:image" content="https://mail.example.org/media/aa.jpg">',
        '<meta property="og:image:alt" content="港 &amp; 船">',
    ):
        assert line in page


def test_neighbours_stand_in_the_order_of_dates(world: World) -> None:
    for slug, day in (
        ("2034-10", date(2034, 10, 20)),
        ("2034-12", date(2034, 12, 20)),
        ("2034-11", date(2034, 11, 20)),
    ):
        send(world, slug, day=day)
    page = world.client.get("/archive/ja/2034-11/").text
    assert '<a class="prev" href="/archive/ja/2034-10/" rel="prev">' in page
    assert '<a class="next" href="/archive/ja/2034-12/" rel="next">' in page
    listing = world.client.get("/archive/ja/").text
    assert listing.index("2034-12/") < listing.index("2034-11/") < listing.index("2034-10/")


def test_an_edition_that_does_not_exist_offers_those_that_do(world: World) -> None:
    send(world, titles={"ja": "水辺のまち"})
    page = world.client.get("/archive/en/2034-12/")
    assert page.status_code == 404
    assert 'href="/archive/ja/2034-12/"' in page.text
    assert "日本語" in page.text


def test_a_second_campaign_of_an_issue_shows_what_was_sent_last(world: World) -> None:
    send(world, sent_to=[world.lists["staff"]])
    with world.engine.begin() as connection:
        issue_id = connection.execute(issue.select()).one().id
        add_issue(
            connection, "x", titles={"ja": "new words"}, sent_to=[world.lists["enews"]], launched_at=NOW
        )
        campaigns = connection.execute(campaign.update().values(issue_id=issue_id))
        assert campaigns.rowcount == 2
    assert "new words" in world.client.get("/archive/ja/2034-12/").text
    assert "2034-12" in world.client.get("/archive/ja/").text  # listed now: one list is public


def test_a_withdrawn_issue_answers_gone(world: World) -> None:
    send(world, state="withdrawn")
    page = world.client.get("/archive/ja/2034-12/")
    assert page.status_code == 410
    assert "公開は終了しました" in page.text
    assert "2034-12" not in world.client.get("/archive/ja/").text


def test_the_bare_archive_goes_to_the_readers_language(world: World) -> None:
    answer = world.client.get(
        "/archive/", headers={"Accept-Language": "en;q=0.8, fr"}, follow_redirects=False
    )
    assert (answer.status_code, answer.headers["location"]) == (302, "/archive/en/")
    assert world.client.get("/", follow_redirects=False).headers["location"] == "/archive/"
    assert world.client.get("/archive/ja", follow_redirects=False).status_code == 307


def test_an_empty_archive_says_what_will_stand_there(world: World) -> None:
    assert "No issue is public yet" in world.client.get("/archive/en/").text
    assert world.client.get("/archive/xx/").status_code == 404


def test_a_known_page_is_not_sent_again(world: World) -> None:
    send(world)
    first = world.client.get("/archive/ja/2034-12/")
    again = world.client.get("/archive/ja/2034-12/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_titles_are_text_whatever_they_hold(world: World) -> None:  # F31
    send(world, titles={"ja": "<script>alert(1)</script>\"'"}, web="<p>x</p>")
    for path in ("/archive/ja/", "/archive/ja/2034-12/"):
        assert "<script" not in world.client.get(path).text


def test_every_page_forbids_scripts_frames_and_other_hosts(world: World) -> None:  # F31
    send(world)
    for path in ("/archive/ja/", "/archive/ja/2034-12/", "/nothing", "/u/x", "/healthz"):
        headers = world.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "script-src" not in policy
        assert "frame-ancestors 'none'" in policy and "form-action 'self'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_pages_hold_no_style_attribute_no_script_and_no_other_host(world: World) -> None:
    send(world)
    for path in ("/archive/ja/", "/archive/en/2034-12/", "/nothing", f"/u/{world.token('miho')}"):
        page = world.client.get(path).text
        assert " style=" not in page and "<script" not in page and "data:" not in page


def test_reading_changes_nothing(world: World) -> None:  # F21
    send(world)
    before = world.rows()
    for path in ("/archive/", "/archive/ja/", "/archive/en/2034-12/", "/archive/xx/2034-12/"):
        world.client.get(path)
        world.client.head(path)
    assert world.rows() == before


def test_an_edited_edition_row_is_never_read_from_a_draft(world: World) -> None:
    """A newer frozen edition that no campaign has sent stays unseen."""
    send(world)
    with world.engine.begin() as connection:
        row = connection.execute(edition.select().where(edition.c.language == "ja")).one()
        connection.execute(
            edition.insert().values(
                **{
                    **row._mapping,
                    "id": None,
                    "content_hash": "later",
                    "web": "<p>unsent</p>",
                    "created_at": NOW + timedelta(days=1),
                }
            )
        )
    assert "unsent" not in world.client.get("/archive/ja/2034-12/").text


def test_the_archive_reads_alike_from_both_databases(database: Engine) -> None:
    for world in build(database):
        with world.engine.begin() as connection:
            picture = media.save(connection, JPEG, "image/jpeg", 10, 10, now=NOW)
            web = f'<article><img src="/media/{picture}.jpg" width="600" height="260" alt="x"></article>'
            add_issue(
                connection,
                "2034-12",
                titles=TWO,
                sent_to=[world.lists["staff"], world.lists["enews"]],
                web=web,
            )
            add_issue(
                connection, "2034-11", titles=TWO, sent_to=[world.lists["staff"]], day=date(2034, 11, 20)
            )
        listing = world.client.get("/archive/ja/").text
        assert f'src="/media/{picture}.jpg"' in listing
        assert "2034-11" not in listing
        assert world.client.get("/archive/en/2034-12/").status_code == 200
        assert world.client.get(f"/media/{picture}.jpg").content == JPEG
