"""A certificate for the loopback interface: Trino takes passwords over TLS only.

The certificate signs itself, so whoever holds the file can check the server with it and needs nothing else.
"""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra.host.files import write_private
from infra.host.ports import HOST

VALID_DAYS = 825  # what clients accept at most
RENEW_DAYS = 60


def ensure_certificate(server: Path, trusted: Path) -> None:
    """Make ``server`` (key and certificate) and ``trusted`` (certificate alone); keep them while they are valid."""
    if server.exists() and trusted.exists() and _days_left(trusted) > RENEW_DAYS:
        return
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(key)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    write_private(server, key_pem + pem)
    write_private(trusted, pem)


def _sign(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "citybrain stack")])
    names = [x509.IPAddress(ipaddress.ip_address(HOST)), x509.DNSName("localhost")]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )


def _days_left(path: Path) -> int:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        return 0
    return (certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)).days
