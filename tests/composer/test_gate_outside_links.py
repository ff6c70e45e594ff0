"""Links asked over the network: real servers on loopback, a rule that lets them, and the rule of the house that does not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

import pytest

from mailer.composer import checks
from mailer.composer.checks import fetch as fetching
from mailer.composer.checks import outside
from mailer.composer.checks.fetch import Address, Answer, fetch, public_web, resolved
from mailer.composer.checks.outside import Place
from mailer.composer.model import Issue
from mailer.i18n import words


class Site(ThreadingHTTPServer):
    """`asked`: (method, path, host) of each request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.asked: list[tuple[str, str, str]] = []
        self.elsewhere = ""

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Page(BaseHTTPRequestHandler):
    server: Site

    def do_HEAD(self) -> None:
        self.server.asked.append((self.command, self.path, self.headers["Host"]))
        what = self.path.strip("/").split("?")[0]
        if what == "nohead" and self.command == "GET":
            what = "200"
        if what == "slow":
            self.connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not self.server.stopped.wait(0.05):  # type: ignore[attr-defined]
                try:
                    self.connection.sendall(b"x")
                except OSError:
                    return
            return
        if what == "endless":  # a body without a length, as many small servers send it
            self.connection.sendall(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n")
            self.connection.recv(1)  # until the other side hangs up
            self.close_connection = True
            return
        if what == "garbage":
            self.connection.sendall(b"\x00\xff nonsense\r\n\r\n")
            self.close_connection = True
            return
        moved = {"moved": 301, "found": 302, "loop": 301, "out": 302, "tidy": 308}.get(what)
        status = moved or (int(what) if what.isdigit() else 405 if what == "nohead" else 200)
        self.send_response(status)
        target = {
            "moved": "/200",
            "found": "/200",
            "loop": "/loop",
            "tidy": "/tidied/",
            "out": self.server.elsewhere,
        }
        if moved:
            self.send_header("Location", target[what])
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD  # noqa: N815

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    server.stopped = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.stopped.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


def loopback(address: Address, port: int) -> bool:
    return address.is_loopback


def to_loopback(host: str, port: int) -> list[Address]:
    return [ip_address("127.0.0.1")]


def ask(url: str, seconds: float = 10) -> Answer:
    return fetch(url, may_connect=loopback, resolve=to_loopback, seconds=seconds)


# ── one request ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [200, 204, 403, 404, 410, 429, 500, 503])
def test_the_status_is_told(site: Site, status: int) -> None:
    assert ask(f"http://site.example:{site.port}/{status}").status == status


def test_head_is_enough_and_get_is_asked_where_head_brings_bad_news(site: Site) -> None:
    ask(f"http://site.example:{site.port}/200")
    assert [method for method, _, _ in site.asked] == ["HEAD"]
    assert ask(f"http://site.example:{site.port}/nohead").status == 200
    assert [method for method, _, _ in site.asked] == ["HEAD", "HEAD", "GET"]
    assert {host for _, _, host in site.asked} == {f"site.example:{site.port}"}


def test_redirects_are_followed_and_only_permanent_ones_move(site: Site) -> None:
    base = f"http://site.example:{site.port}"
    assert ask(f"{base}/moved") == Answer(f"{base}/200", 200, "", True)
    assert ask(f"{base}/found") == Answer(f"{base}/200", 200, "", False)
    assert ask(f"{base}/loop").reason == "redirects"
    assert len([path for method, path, _ in site.asked if path == "/loop"]) == fetching.MOST_REDIRECTS + 1


def test_japanese_in_an_address_is_written_as_a_browser_does(site: Site) -> None:
    assert ask(f"http://港.example:{site.port}/資料 一覧?名=値").status == 200
    (_, path, host) = site.asked[0]
    assert path.isascii() and "%E8%B3%87" in path and " " not in path
    assert host.startswith("xn--")


def test_a_server_that_drips_is_left(site: Site) -> None:
    answer = ask(f"http://site.example:{site.port}/slow", seconds=0.5)
    assert (answer.status, answer.reason) == (0, "time")


def test_a_body_that_never_comes_is_not_waited_for(site: Site) -> None:
    answer = ask(f"http://site.example:{site.port}/endless", seconds=2)
    assert answer.status == 404


def test_a_server_that_talks_nonsense_or_no_tls_is_unsure(site: Site) -> None:
    assert ask(f"http://site.example:{site.port}/garbage").status == 0
    assert ask(f"https://site.example:{site.port}/").reason in ("tls", "connection")


def test_nobody_at_home_is_a_connection(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening
        assert ask(f"http://site.example:{taken.getsockname()[1]}/").reason == "connection"


@pytest.mark.parametrize(
    "url", ["ftp://site.example/", "http:///x", "http://site.example:port/", "http://[/", "javascript:x"]
)
def test_what_is_no_web_address_is_not_asked(url: str) -> None:
    assert ask(url).reason == "address"


# ── the rule of the house (F36) ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::1", "2001::1", "::127.0.0.1",
        "64:ff9b:1::808:808", "3fff::1", "192.88.99.1",
    ],
)  # fmt: skip
def test_what_is_not_the_public_web_is_refused(address: str) -> None:  # F36
    assert not any(public_web(ip_address(address), port) for port in (80, 443))


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:2800:220:1::1", "2400:cb00::1"],
)
def test_the_public_web_is_open_on_its_two_ports(address: str) -> None:
    assert public_web(ip_address(address), 80) and public_web(ip_address(address), 443)
    assert not any(public_web(ip_address(address), port) for port in (0, 22, 25, 3306, 5432, 6379, 8080))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ],
)
def test_no_spelling_of_loopback_is_connected(site: Site, host: str) -> None:  # F36
    for url in (f"http://{host}:{site.port}/200", f"http://{host}/", f"https://user:pass@{host}/"):
        assert fetch(url).reason in ("private", "name")
    assert site.asked == []


def test_a_redirect_into_the_house_is_not_followed(site: Site) -> None:  # F36
    def only_outside(address: Address, port: int) -> bool:
        return str(address) == "127.0.0.1" and port == site.port  # the public site of this test

    def resolve(host: str, port: int) -> list[Address]:
        return [ip_address("127.0.0.1")] if host == "site.example" else resolved(host, port)

    for target in (
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:22/",
        "http://[::1]/",
        "file:///etc/passwd",
        "//10.0.0.1/",
    ):
        site.elsewhere = target
        answer = fetch(f"http://site.example:{site.port}/out", may_connect=only_outside, resolve=resolve)
        assert answer.status == 0 and answer.reason in ("private", "address")
    assert {path for _, path, _ in site.asked} == {"/out"}


def test_a_name_is_resolved_once_and_the_judged_address_is_connected(site: Site) -> None:  # F36: rebinding
    turns = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])
    looked_up: list[str] = []
    connected: list[str] = []

    def resolve(host: str, port: int) -> list[Address]:
        looked_up.append(host)
        return [ip_address(next(turns))]

    def judge(address: Address, port: int) -> bool:
        connected.append(str(address))
        return False  # nothing leaves this machine in a test

    assert fetch("http://rebinding.example/", may_connect=judge, resolve=resolve).reason == "private"
    assert looked_up == ["rebinding.example"] and connected[0] == "93.184.216.34"
    # And where it may: the socket goes to what was judged, whatever the name would say now.
    assert ask(f"http://not-in-any-dns.example:{site.port}/200").status == 200


def test_one_closed_address_among_others_closes_the_name() -> None:  # F36
    def resolve(host: str, port: int) -> list[Address]:
        return [ip_address("93.184.216.34"), ip_address("127.0.0.1")]

    assert fetch("http://both.example/", resolve=resolve).reason == "private"


def test_no_proxy_of_the_environment_is_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert ask(f"http://site.example:{site.port}/200").status == 200


# ── the links of an issue ───────────────────────────────────────────────────────────────────────


def test_every_web_link_of_both_languages_is_asked_once(stored: Callable[[], Issue], folder: Any) -> None:
    folder.change(
        "en.md",
        "The last letter of the year.",
        "[A](https://example.org/a#x), [B](mailto:x@example.org), [C](https://example.org/a).",
    )
    found = outside.places(stored(), "Asia/Tokyo")
    assert sorted(place.url for place in found) == [
        "https://example.org/a#x", "https://example.org/list", "https://example.org/report",
    ]  # fmt: skip


def place(url: str) -> Place:
    return Place(url, "label", "en", "garden")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer("https://a.example/x", 200), None),
        (Answer("https://a.example/x", 404), "link_broken"),
        (Answer("https://a.example/x", 410), "link_broken"),
        (Answer("https://a.example/x", 0, "name"), "link_broken"),
        (Answer("https://a.example/x", 403), "link_unsure"),
        (Answer("https://a.example/x", 429), "link_unsure"),
        (Answer("https://a.example/x", 503), "link_unsure"),
        *((Answer("https://a.example/x", 0, r), "link_unsure") for r in ("name_later", "time", "tls", "private", "port", "connection", "redirects", "address")),
        (Answer("https://a.example/new", 200, "", True), "link_moved"),
        (Answer("https://a.example/login", 200, "", False), None),
        (Answer("https://a.example/x/", 200, "", True), None),  # a slash is no move
        (Answer("https://other.example/404", 404, "", True), "link_broken"),
    ],
)  # fmt: skip
def test_an_answer_means(answer: Answer, code: str | None) -> None:
    found = outside.check([place("http://a.example/x")], ask=lambda url: answer)
    assert [one.code for one in found] == ([code] if code else [])
    for one in found:
        assert (one.language, one.section, one.where) == ("en", "garden", "en.md, #garden")
        for language in ("ja", "en"):
            message, remedy = checks.describe(one, words(language))
            assert "http://a.example/x" in message and remedy


def test_without_any_network_nothing_is_called_broken() -> None:
    both = [place("http://a.example/"), place("http://b.example/")]
    found = outside.check(both, ask=lambda url: Answer(url, 0, "name"))
    assert [one.code for one in found] == ["link_unsure", "link_unsure"]


def test_one_host_is_asked_one_at_a_time_and_progress_is_told() -> None:
    lock, at_once, most, told = threading.Lock(), 0, [0], []

    def slowly(url: str) -> Answer:
        nonlocal at_once
        with lock:
            at_once += 1
            most[0] = max(most[0], at_once)
        threading.Event().wait(0.01)
        with lock:
            at_once -= 1
        return Answer(url, 200)

    assert outside.check([place(f"http://a.example/{n}") for n in range(6)], told.append, ask=slowly) == []
    assert most == [1] and told == [1, 2, 3, 4, 5, 6]


def test_what_was_not_asked_in_time_is_unsure() -> None:
    (found,) = outside.check([place("http://a.example/")], ask=lambda url: Answer(url, 200), seconds=0)
    assert found.code == "link_unsure"
