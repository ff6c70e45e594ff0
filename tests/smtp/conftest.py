"""Fixtures of the SMTP room: certificates of an authority made for the run."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | RSAPrivateKey
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """Issues server contexts; `client` trusts it and nobody else. `pem`: key and certificate in one file
    (`rsa`: of the older kind)."""

    pem: Callable[..., Path]
    server: Callable[..., ssl.SSLContext]
    client: ssl.SSLContext
    ca: Path


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("tls")
    today = datetime.datetime.now(datetime.UTC)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Harbour test authority")])

    def builder(subject: x509.Name, key: Key) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
        )

    ca = (
        builder(ca_name, ca_key)
        .not_valid_before(today - DAY)
        .not_valid_after(today + DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))

    def pem(*, name: str = "localhost", expired: bool = False, rsa: bool = False) -> Path:
        key: Key = generate_private_key(65537, 2048) if rsa else ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(name)]
        if name == "localhost":
            names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        leaf = (
            builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key)
            .not_valid_before(today - 3 * DAY)
            .not_valid_after(today - DAY if expired else today + DAY)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        path = folder / f"{name}-{expired}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + leaf.public_bytes(serialization.Encoding.PEM)
        )
        return path

    def server(*, name: str = "localhost", expired: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem(name=name, expired=expired))
        return context

    return Authority(pem, server, ssl.create_default_context(cafile=str(ca_file)), ca_file)
