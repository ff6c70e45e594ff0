"""One mailbox: read what a person typed into the forms that mail needs.

Owns the rule of what is an address: RFC 5321 §4.1.2, RFC 5322 §3.4.1, RFC 6531, IDNA 2008 by UTS 46,
and the old Japanese carrier forms (`a..b@`, `abc.@`), which real phones still have and which the
usual validators refuse. Looks nothing up. Called by whatever takes an address from outside.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

import idna

from .errors import BadAddress
from .model import Address

LONGEST_LOCAL = 64  # octets on the wire, RFC 5321 §4.5.3.1.1
LONGEST_ADDRESS = 254  # octets: a path is 256 with its angle brackets, §4.5.3.1.3
_LONGEST_TEXT = 1_000  # characters: no address in any form is longer; keeps IDNA away from a pasted book

REASONS: Mapping[str, str] = {
    "empty": "The address is empty.",
    "no_at": "The address has no @.",
    "several_addresses": "There is more than one @: one address only.",
    "empty_local": "Nothing stands before the @.",
    "empty_domain": "Nothing stands after the @.",
    "local_too_long": "The part before the @ is longer than 64 octets.",
    "address_too_long": "The address is longer than 254 octets.",
    "bad_local": "The part before the @ holds a character or a dot that cannot stand there.",
    "bad_domain": "The part after the @ is no domain name.",
    "domain_without_dot": "The part after the @ has no dot.",
    "domain_literal": "The part after the @ is a network number, not a domain name.",
    "space": "There is a space inside the address.",
    "angle_brackets": "There is a name or an angle bracket: the bare address only.",
    "encoded_word": "The text is encoded as in a mail header (=?…?=).",
    "control_character": "There is a line break or a control character inside.",
    "invisible_character": "There is an invisible character inside, perhaps from copying.",
}

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# The usual case in one match (1.5 µs): dot-atom, letters-digits-hyphen, a top level of letters.
_PLAIN = re.compile(rf"([{_ATEXT}]++(?:\.[{_ATEXT}]++)*+)@((?:{_LABEL}\.)+[A-Za-z]{{2,63}})")
_WIDE = r"\u0080-\U0010ffff"
_DOT_ATOM = re.compile(rf"[{_ATEXT}{_WIDE}]+(?:\.[{_ATEXT}{_WIDE}]+)*")
_CARRIER = re.compile(rf"[{_ATEXT}{_WIDE}][{_ATEXT}{_WIDE}.]*")  # dots in a row or at the end
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"@(.*)', re.DOTALL)
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_MAILBOX = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^<>＜＞]*)\s*[<＜]([^<>＜＞]*)[>＞]\s*')

# Japanese input methods give ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ and 。 for the dot: plainly meant as ASCII.
_WIDTHS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0xFE6B: ord("@"), 0x3002: ord("."), 0xFF61: ord("."), 0x3000: ord(" "), 0x00A0: ord(" "),
}  # fmt: skip


def parse(text: str) -> Address:
    """The address in `text`: a bare one, in any width, case kept. Raises BadAddress with a reason of REASONS."""
    if everyday := plain(text):
        local, domain = everyday
        return Address(text, local, domain, text.lower(), f"{local}@{domain}")
    return _parse_any(text)


def plain(text: str) -> tuple[str, str] | None:
    """Local part and lower-case domain of an everyday ASCII address; None where only `parse` can tell.

    Its key is `text.lower()`. For the import, where making an Address costs a third of reading one.
    """
    found = _PLAIN.fullmatch(text)
    if found and len(text) <= LONGEST_ADDRESS and "--" not in text and "=?" not in text:
        local, domain = found.groups()
        if len(local) <= LONGEST_LOCAL:
            return local, domain.lower()
    return None


def from_wire(wire: str) -> Address:
    """The address of a RCPT TO or a bounce report: quoted locals and A-labels become readable again."""
    return parse(wire)


def parse_mailbox(text: str) -> tuple[str, Address]:
    """`Name <a@b>`, `"Name" <a@b>`, `名前 ＜a@b＞` or the bare address → (name or "", address)."""
    mailbox = _MAILBOX.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if mailbox is None:
        return "", parse(text)
    name, address = mailbox.group(1).strip(), mailbox.group(2)
    if len(name) >= 2 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    if "=?" in name:
        raise _bad("encoded_word", text)
    name = " ".join(unicodedata.normalize("NFC", name).split(" "))
    _refuse_controls(name, text)
    return name, parse(address)


def _bad(reason: str, text: str) -> BadAddress:
    return BadAddress(f"{text[:300]!r}: {REASONS[reason]}", reason=reason, address=text[:300])


def _parse_any(text: str) -> Address:
    folded = text.translate(_WIDTHS).strip(" \t")
    if not folded:
        raise _bad("empty", text)
    if len(folded) > _LONGEST_TEXT:
        raise _bad("address_too_long", text)
    raw_local, quoted, raw_domain = _split(folded, text)
    _refuse_controls(folded, text)
    for sign, reason in (("=?", "encoded_word"), ("<", "angle_brackets"), (">", "angle_brackets")):
        if sign in folded:
            raise _bad(reason, text)
    if any(character.isspace() for character in folded):
        raise _bad("space", text)
    local = unicodedata.normalize("NFC", raw_local)
    _refuse_invisible(local, text, allowed="")
    wire_local = _wire_local(local, quoted, text)
    domain = _domain(raw_domain, text)
    wire = f"{wire_local}@{domain}"
    if len(wire.encode()) > LONGEST_ADDRESS:
        raise _bad("address_too_long", text)
    read_local = local if _CARRIER.fullmatch(local) else wire_local
    return Address(
        written=f"{read_local}@{_readable(raw_domain, domain)}",
        local=local,
        domain=domain,
        key=f"{_same(local)}@{domain}",
        wire=wire,
        needs_smtputf8=not local.isascii(),
    )


def _split(folded: str, text: str) -> tuple[str, bool, str]:
    """Local part without its quotes, whether it had any, domain."""
    if quoted := _QUOTED.fullmatch(folded):
        if "@" in quoted.group(2):
            raise _bad("several_addresses", text)
        return re.sub(r"\\(.)", r"\1", quoted.group(1), flags=re.DOTALL), True, quoted.group(2)
    ats = folded.count("@")
    if ats != 1:
        raise _bad("several_addresses" if ats else "no_at", text)
    local, _, domain = folded.partition("@")
    return local, False, domain


def _refuse_controls(part: str, text: str) -> None:
    for character in part:
        if unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"}:
            raise _bad("control_character", text)


def _refuse_invisible(part: str, text: str, *, allowed: str) -> None:
    """Bidi controls, zero-width signs, unassigned and private characters: what is read is what is there."""
    for character in part:
        if unicodedata.category(character) in {"Cf", "Cn", "Co"} and character not in allowed:
            raise _bad("invisible_character", text)


def _wire_local(local: str, quoted: bool, text: str) -> str:
    if not local:
        raise _bad("empty_local", text)
    if _DOT_ATOM.fullmatch(local):
        wire = local  # RFC 5321 §4.1.2: quotes that are not needed are dropped, "taro"@ is taro@
    elif quoted or _CARRIER.fullmatch(local):
        wire = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
    else:
        raise _bad("bad_local", text)
    if len(wire.encode()) > LONGEST_LOCAL:
        raise _bad("local_too_long", text)
    return wire


def _domain(raw: str, text: str) -> str:
    """The A-label form, lower case."""
    if not raw:
        raise _bad("empty_domain", text)
    if raw.startswith("["):
        raise _bad("domain_literal", text)
    # UTS 46 would drop them silently; the joiners stay, IDNA judges them by context (Persian needs them).
    _refuse_invisible(raw, text, allowed="\u200c\u200d")
    domain = _a_label(raw)
    if not domain or len(domain) > 253:
        raise _bad("bad_domain", text)
    if "." not in domain:
        raise _bad("domain_without_dot", text)
    if domain.rpartition(".")[2].isdigit():
        raise _bad("domain_literal", text)
    return domain


@lru_cache(maxsize=4_096)
def _a_label(raw: str) -> str:
    """ "" when it is no domain name. Cached: a list has few domains outside ASCII, met many times."""
    lower = raw.lower()
    if _HOST.fullmatch(lower) and "xn--" not in lower:
        return lower
    try:
        domain = idna.encode(raw, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return ""
    return domain if _HOST.fullmatch(domain) else ""


def _readable(raw: str, domain: str) -> str:
    if "xn--" in raw.lower():
        return idna.decode(domain)
    return unicodedata.normalize("NFC", raw)


@lru_cache(maxsize=4_096)
def readable_domain(domain: str) -> str:
    """港町.example for xn--j6w43m.example; what is no A-label stands as it is."""
    if "xn--" not in domain:
        return domain
    try:
        return idna.decode(domain)
    except (idna.IDNAError, UnicodeError):
        return domain


def _same(local: str) -> str:
    """Casefold and NFKC until nothing moves: Ｔａｒｏ, TARO and taro are one person."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", local).casefold())
    return unicodedata.normalize("NFKC", folded.casefold())
