"""Config → who writes: on the envelope, in the headers, in the signature and in the legal block of each language.

Reads the DKIM key; knows no House. Called by the other modules of this package, and by the pages (`identities`).
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from mailer.composer.model import Identity
from mailer.config.model import Config, RelayBase, SenderOf, Text
from mailer.config.model import Sender as MainSender
from mailer.delivery.letterpress import Letterhead
from mailer.errors import NoKey
from mailer.message.dkim import Signer, load_signer
from mailer.message.return_path import ReturnPath
from subscribers import address
from subscribers.errors import BadAddress
from subscribers.language import match
from subscribers.model import Address

from .relays import wire


def letterhead_of(config: Config, part: RelayBase, permanent_key: str, keys: tuple[str, ...]) -> Letterhead:
    """What stands on mail over this relay: the main sender's, which knows those of other newsletters."""
    signers = _signers(config)

    def of(who: SenderOf | MainSender) -> Letterhead:
        email = wire(who.email or config.sender.email)
        reply_to = wire(who.reply_to or config.sender.reply_to)
        # A fixed or plus return path is the sender's own mailbox: rented accounts take no foreign one.
        home = config.bounces.domain if part.return_path == "verp" else email
        return Letterhead(
            sender_email=email,
            sender_names=_in_languages(who.name or config.sender.name or config.site.name),
            reply_to=reply_to,
            base_url=config.site.base_url,
            mailto_home=reply_to or email,
            zone=config.site.time_zone,
            return_path=ReturnPath(part.return_path, home, permanent_key),
            permanent_key=permanent_key,
            keys=keys,
            signers=signers,
        )

    return replace(
        of(config.sender), newsletters={key: of(one) for key, one in config.sender.newsletters.items()}
    )


def _signers(config: Config) -> tuple[Signer, ...]:
    dkim = config.dkim
    if not dkim.domain:
        return ()
    path = config.path(dkim.key_file)
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise NoKey(
            f"The DKIM key {path} cannot be read.",
            remedy="Name the right file in dkim.key_file, or let the relay sign.",
            key="dkim_key", path=str(path),
        ) from error  # fmt: skip
    return (load_signer(dkim.domain, dkim.selector, pem),)


def identities(config: Config) -> dict[str, Identity]:
    """The legal block per language of the site."""
    found = {}
    for language in config.site.languages:
        other = next((one for one in config.site.languages if one != language), "")
        name = _said(config.sender.organisation, language)
        elsewhere = _said(config.sender.organisation, other) if other else ""
        found[language] = Identity(
            newsletter=_said(config.site.name, language),
            organisation=name,
            organisation_other=elsewhere if elsewhere != name else "",
            organisation_other_language=other,
            postal_address=_said(config.sender.postal_address, language),
            phone=_said(config.sender.phone, language),
            contact=config.sender.contact or config.sender.email,
            written=tuple(
                (field, tongue)
                for field in ("organisation", "postal_address")
                if (tongue := _tongue(getattr(config.sender, field), language))
            ),
        )
    return found


def office_address(config: Config) -> Address | None:
    """Where somebody of the office reads: the contact if it is an address, else the one for answers, else From."""
    for text in (config.sender.contact, config.sender.reply_to, config.sender.email):
        with contextlib.suppress(BadAddress):
            return address.parse(text)
    return None


def _in_languages(text: Text) -> dict[str, str]:
    """A text of the configuration by language; "" = for all."""
    return {"": text} if isinstance(text, str) else dict(text)


def _said(text: Text, language: str) -> str:
    return _in_languages(text).get(_tongue(text, language), "")


def _tongue(text: Text, language: str) -> str:
    """The language whose text is taken; "" for one that is meant for all."""
    by_language = _in_languages(text)
    near = match([language], [one for one, said in by_language.items() if one and said])
    return next((one for one in (near, "", *by_language) if one is not None and by_language.get(one)), "")
