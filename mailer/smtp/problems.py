"""Sentences for what makes a relay unusable, by key; the same keys stand in the catalogues as error.<key>.

Called where such a problem is met: handshake, connection, check. The reader is no programmer.
"""

from __future__ import annotations

import re
import socket
import ssl

from mailer.smtp.errors import RelayUnusable
from mailer.smtp.model import Relay
from mailer.smtp.reply import Reply

# OpenSSL's verification results: name or address mismatch; not yet or no longer valid.
_X509_NAME_MISMATCH = {62, 64}
_X509_EXPIRED = {9, 10}

# key → (sentence, remedy). Placeholders: host, port, username, sender, address, offered, reason, reply.
SENTENCES: dict[str, tuple[str, str]] = {
    "relay_dns": (
        "There is no mail server of the name {host}.",
        "Check the spelling of relay.host, and that this machine is connected to the internet.",
    ),
    "relay_refused": (
        "{host} does not accept connections on port {port}.",
        "Check relay.port: 587 with tls = \"starttls\" and 465 with tls = \"implicit\" are usual.",
    ),
    "relay_timeout": (
        "{host} does not answer on port {port}.",
        "Many networks block port 25, some also others. Try port 587 (tls = \"starttls\") or 465 (tls = \"implicit\"), or ask who runs your network.",
    ),
    "relay_connect": (
        "No connection to {host}, port {port}: {reason}.",
        "Check the network of this machine, relay.host and relay.port.",
    ),
    "relay_silent": (
        "{host}, port {port}, accepts the connection but does not greet.",
        "On port 465 set tls = \"implicit\". Otherwise wait some minutes: the server may be overloaded or may keep you waiting on purpose.",
    ),
    "relay_greeting": (
        "{host} does not want to talk to this machine: {reply}",
        "Wait and try again; if it stays, ask the provider whether this machine's address is blocked.",
    ),
    "relay_not_smtp": (
        "What answers at {host}, port {port}, is not a mail server.",
        "Check relay.port, and that tls fits it: 465 wants tls = \"implicit\", 587 and 25 want tls = \"starttls\".",
    ),
    "relay_hello": (
        "{host} refused our hello: {reply}",
        "Set relay.local_name to the name of this machine as the internet knows it.",
    ),
    "relay_tls_not_offered": (
        "{host}, port {port}, offers no encryption (STARTTLS), so nothing was sent.",
        "Use port 465 with tls = \"implicit\" if the provider has it. Only for a server on this machine or in your own network: tls = \"none\".",
    ),
    "relay_tls_refused": (
        "{host} offers encryption but refused to start it: {reply}",
        "Try port 465 with tls = \"implicit\", or try again later.",
    ),
    "relay_tls_injection": (
        "{host} sent text before encryption began. Somebody may be tampering with the connection; nothing was sent.",
        "Try from another network; tell the provider if it happens there too.",
    ),
    "relay_tls_wrong_kind": (
        "{host}, port {port}, uses the other kind of encryption.",
        "Port 465 wants tls = \"implicit\"; ports 587 and 25 want tls = \"starttls\".",
    ),
    "relay_tls": (
        "The encrypted connection to {host} could not be made: {reason}.",
        "Check that tls fits the port (465: \"implicit\"; 587: \"starttls\"). Very old servers speak no TLS 1.2.",
    ),
    "relay_certificate_name": (
        "The certificate of the server is not for {host}.",
        "Use the server name that your provider gives for outgoing mail (often that of their host, such as www1234.provider.example, not your own domain).",
    ),
    "relay_certificate_expired": (
        "The certificate of {host} has expired.",
        "Check this machine's date and time. If they are right, the provider must renew the certificate.",
    ),
    "relay_certificate": (
        "The certificate of {host} is not trusted: {reason}.",
        "Use the server name that your provider gives. A server of your own with a certificate of its own needs its authority installed on this machine.",
    ),
    "relay_auth_plaintext": (
        "A password would travel unencrypted to {host}.",
        "Set tls = \"starttls\" (port 587) or tls = \"implicit\" (port 465), or leave username and password empty.",
    ),
    "relay_auth_not_offered": (
        "{host}, port {port}, does not ask for a user name here.",
        "Use the port for sending with a password (587 or 465), or leave username and password empty.",
    ),
    "relay_auth_mechanism": (
        "{host} accepts no password in a way we know; it offers {offered}.",
        "Look for \"SMTP AUTH\" or \"app password\" in the provider's help; a server with OAuth only cannot be used.",
    ),
    "relay_auth": (
        "{host} does not accept the user name {username} or its password: {reply}",
        "Type the password anew. Often the user name is the whole mail address. If it works in a mail program, copy the values from its outgoing server.",
    ),
    "relay_auth_app_password": (
        "{host} wants an app password for {username}: {reply}",
        "Make an app password in the account's security settings (two-step verification must be on) and use it as relay.password.",
    ),
    "relay_auth_disabled": (
        "{host} has switched off sending with a password for {username}: {reply}",
        "Ask who administers the account to allow SMTP AUTH for this mailbox.",
    ),
    "relay_auth_later": (
        "{host} does not let us sign in now: {reply}",
        "Wait an hour; too many tries in a row make it longer.",
    ),
    "relay_mail_from": (
        "{host} does not let us send as {sender}: {reply}",
        "Use an address of this account as sender.email, and return_path = \"fixed\" if the provider wants its own address as return path.",
    ),
    "relay_quota": (
        "{host} says that the account has sent as much as it may for now: {reply}",
        "Wait; sending goes on by itself. Set relay.rates to the provider's limits so that it does not come to this.",
    ),
    "relay_rcpt": (
        "{host} does not take mail for {address}: {reply}",
        "Check the address. If every address outside your own domain is refused, user name and password are missing.",
    ),
    "relay_smtputf8": (
        "{host} cannot take addresses with letters outside ASCII before the @, such as {address}.",
        "Ask the person for another address, or use a relay that offers SMTPUTF8.",
    ),
    "relay_lost": (
        "{host} ended the connection in the middle.",
        "Try again. If it stays, the provider may limit connections: set relay.connections = 1.",
    ),
}  # fmt: skip


def problem(
    key: str, relay: Relay, *, stage: str = "connect", reply: Reply | None = None, **facts: object
) -> RelayUnusable:
    """The error of this key with its sentence filled. `facts` fill placeholders beyond those of relay and reply."""
    sentence, remedy = SENTENCES[key]
    own: dict[str, object] = {"host": relay.host, "port": relay.port, "username": relay.username, **facts}
    text = sentence.format(reply=reply or "no answer", **own)
    return RelayUnusable(text, remedy=remedy, key=key, stage=stage, reply=reply, facts=own)


def auth_key(reply: Reply) -> str:
    """Which sentence a refused AUTH deserves. Wordings of Gmail (5.7.9), Exchange (5.7.139, 5.7.3), Yahoo (5.7.0)."""
    text = reply.text.lower()
    if re.search(r"app(lication)?[- ]specific|app password|apppassword|invalidsecondfactor", text):
        return "relay_auth_app_password"
    if reply.is_quota or reply.is_transient or "too many" in text:
        return "relay_auth_later"
    if reply.enhanced == "5.7.139" or "disabled" in text or "basic authentication" in text:
        return "relay_auth_disabled"
    return "relay_auth"


def connect_problem(relay: Relay, error: Exception) -> RelayUnusable:
    """What an OSError or TimeoutError of connecting means to the operator."""
    match error:
        case socket.gaierror():
            return problem("relay_dns", relay)
        case ConnectionRefusedError():
            return problem("relay_refused", relay)
        case ssl.SSLError():
            return tls_problem(relay, error)
        case TimeoutError():
            return problem("relay_timeout", relay)
    return problem("relay_connect", relay, reason=_reason(error))


def tls_problem(relay: Relay, error: Exception) -> RelayUnusable:
    """The same for the TLS handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _X509_NAME_MISMATCH:
            return problem("relay_certificate_name", relay, stage="tls")
        if error.verify_code in _X509_EXPIRED:
            return problem("relay_certificate_expired", relay, stage="tls")
        return problem("relay_certificate", relay, stage="tls", reason=error.verify_message)
    if isinstance(error, ssl.SSLError) and error.reason in (
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "UNKNOWN_PROTOCOL",
    ):
        return problem("relay_tls_wrong_kind", relay, stage="tls")
    return problem("relay_tls", relay, stage="tls", reason=_reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
