"""One request to an address that an author wrote, closed to whatever is not the public web (F36).

Owns what may be connected: every name is resolved here, judged, and the very address that was judged is
connected; each redirect anew. Keeps no cookie and follows no proxy. Called by `outside`.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Event, Thread
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

import idna
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

Address = IPv4Address | IPv6Address
MayConnect = Callable[[Address, int], bool]
Resolve = Callable[[str, int], list[Address]]

MOST_REDIRECTS: Final = 5
SECONDS: Final = (
    10.0  # for one request with all that it takes; a page that needs longer loses its readers, too
)
_PERMANENT: Final = (301, 308)
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_AGENT: Final = "Mozilla/5.0 (compatible; mailer link check)"
# Ways in which an IPv6 address carries an IPv4 one: a network's own NAT64, 6to4, Teredo, the old compatible form.
_CARRIERS: Final = [ip_network(net) for net in ("64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")]
_NAT64: Final = ip_network("64:ff9b::/96")  # behind DNS64 (RFC 6147) every site has such an address
# What `is_global` of Python 3.11 lets through: addresses of documentation (RFC 9637), relays to 6to4 (RFC 7526).
_CLOSED: Final = [ip_network(net) for net in ("3fff::/20", "192.88.99.0/24")]


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: none came, and `reason` says why: name, private, port, connection, time, tls, redirects, address."""

    url: str  # that answered last
    status: int = 0
    reason: str = ""
    permanent: bool = False  # led there by permanent redirects alone


def public_web(address: Address, port: int) -> bool:
    """The rule of the house: ports 80 and 443 of addresses that belong to everybody."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return public_web(address.ipv4_mapped, port)
        if address in _NAT64:
            return public_web(IPv4Address(int(address) & 0xFFFFFFFF), port)
        if address.is_site_local or any(address in net for net in _CARRIERS):
            return False
    if any(address in net for net in _CLOSED):
        return False
    return port in (80, 443) and address.is_global and not address.is_multicast and not address.is_reserved


def resolved(host: str, port: int) -> list[Address]:
    """Every address of a name, also of one like 2130706433 or 0x7f.1. Raises socket.gaierror."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(one[4][0]).partition("%")[0]) for one in found))


def fetch(
    url: str, *, may_connect: MayConnect = public_web, resolve: Resolve = resolved, seconds: float = SECONDS
) -> Answer:
    """Where an address leads and how it answers. Never raises."""
    permanent = True
    for _ in range(MOST_REDIRECTS + 1):
        try:
            status, location = _ask(url, may_connect, resolve, seconds)
        except _NoAnswer as problem:
            return Answer(url, 0, problem.reason)
        if status not in _REDIRECTS or not location:
            return Answer(url, status, "", permanent)
        permanent = permanent and status in _PERMANENT
        url = urljoin(url, location)
    return Answer(url, 0, "redirects")


class _NoAnswer(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _ask(url: str, may_connect: MayConnect, resolve: Resolve, seconds: float) -> tuple[int, str]:
    """(status, Location). HEAD first; many servers refuse or misjudge it, so its bad news is asked again by GET."""
    scheme, host, port, path = _parts(url)
    address = _judged(host, port, may_connect, resolve)
    status, location = 0, ""
    for method in ("HEAD", "GET"):
        status, location = _request(method, scheme, (host, port, address), path, seconds)
        if status < 400:
            break
    return status, location


def _parts(url: str) -> tuple[str, str, int, str]:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if parts.scheme not in ("http", "https") or not host:
            raise _NoAnswer("address")
        if not host.isascii():
            host = idna.encode(host, uts46=True).decode()
    except ValueError as error:  # a port of letters, "[", a name that no registry takes (IDNAError)
        raise _NoAnswer("address") from error
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    return (
        parts.scheme,
        host,
        port,
        path + (f"?{quote(parts.query, safe='/?%:@!$&()*+,;=~-._')}" if parts.query else ""),
    )


def _judged(host: str, port: int, may_connect: MayConnect, resolve: Resolve) -> Address:
    """The address to connect. One that is closed closes the name: it would be the other one next time."""
    try:
        found = resolve(host, port)
    except socket.gaierror as error:
        raise _NoAnswer("name_later" if error.errno == socket.EAI_AGAIN else "name") from error
    except (OSError, ValueError) as error:
        raise _NoAnswer("name") from error
    if not found:
        raise _NoAnswer("name")
    if not all(may_connect(address, port) for address in found):
        raise _NoAnswer("port" if all(may_connect(address, 443) for address in found) else "private")
    return min(found, key=lambda address: address.version)  # IPv4 works from everywhere


def _request(
    method: str, scheme: str, to: tuple[str, int, Address], path: str, seconds: float
) -> tuple[int, str]:
    host, port, address = to
    shown = f"[{host}]" if ":" in host else host
    named = shown if port == (443 if scheme == "https" else 80) else f"{shown}:{port}"
    headers = {"Host": named, "User-Agent": _AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
    connection: HTTPConnection = (
        HTTPSConnection(
            str(address),
            port,
            timeout=seconds,
            ssl_context=_tls(),
            server_hostname=host,
            assert_hostname=host,
        )
        if scheme == "https"
        else HTTPConnection(str(address), port, timeout=seconds)
    )
    try:
        with _ended_after(seconds, connection):
            connection.request(method, path, headers=headers, preload_content=False)
            answer = connection.getresponse()  # its body is nobody's concern and never read
            answer.close()
            return answer.status, answer.headers.get("Location", "")
    except TimeoutError as error:
        raise _NoAnswer("time") from error
    except ssl.SSLError as error:
        raise _NoAnswer("tls") from error
    except (
        HTTPError,
        OSError,
        ValueError,
    ) as error:  # http.client speaks of a broken answer with ValueErrors, too
        raise _NoAnswer(_reason(error)) from error
    except Exception as error:  # http.client.HTTPException has no common base with the others
        raise _NoAnswer("connection") from error
    finally:
        with suppress(OSError):
            connection.close()


def _reason(error: Exception) -> str:
    name = type(error).__name__
    return "time" if "Timeout" in name else "tls" if "SSL" in name else "connection"


@contextmanager
def _ended_after(seconds: float, connection: HTTPConnection) -> Iterator[None]:
    """A timeout of the socket is one of each read: a server that drips a byte a second would hold us for ever.

    Raises TimeoutError, whatever the closed socket looked like to the reader.
    """
    done, over = Event(), Event()

    def end() -> None:
        wait = seconds
        while not done.wait(wait):  # again: in the middle of a TLS handshake there is no socket to close
            over.set()
            wait = 0.1
            with suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    Thread(target=end, daemon=True).start()
    try:
        yield
    except Exception as error:
        if over.is_set():
            raise TimeoutError from error
        raise
    finally:
        done.set()
    if over.is_set():
        raise TimeoutError


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
