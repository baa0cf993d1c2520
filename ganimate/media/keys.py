"""A certificate of one's own, to try signing with; nobody else has a reason to trust it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from ganimate.errors import GanimateError
from ganimate.output import draft, write_errors

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

VALID_DAYS = 365
ORGANISATION = "ganimate test, not trusted"
_CLAIM_SIGNING = "1.3.6.1.4.1.62558.2.1"


def new_keys(certificates: Path, key: Path, *, force: bool = False) -> None:
    """Write a test certificate with the one above it, and its private key, readable by its owner.

    The key above is thrown away: nothing else is ever signed with it. P-256, for a year.

    Raises:
        GanimateError: `ganimate[c2pa]` is not installed, or a file exists or cannot be written.
    """
    try:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise GanimateError(
            "making keys needs an extra that is not installed", "pip install 'ganimate[c2pa]'"
        ) from error
    root, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    chain = [
        _draft_of(own, root, "test signer").sign(root, hashes.SHA256()),
        _draft_of(root, root, "test root").sign(root, hashes.SHA256()),
    ]
    pem = serialization.Encoding.PEM
    secret = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with draft(certificates, force=force) as unfinished, write_errors(certificates):
        unfinished.write_bytes(b"".join(one.public_bytes(pem) for one in chain))
    with draft(key, force=force) as unfinished, write_errors(key):
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(secret)


def _draft_of(
    key: EllipticCurvePrivateKey, issuer: EllipticCurvePrivateKey, name: str
) -> x509.CertificateBuilder:
    """A certificate for `key`, with what C2PA asks of one; `issuer` is to sign it."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    root = key is issuer
    now = datetime.now(timezone.utc)
    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    usage = dict.fromkeys((*unused, "encipher_only", "decipher_only"), False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named("test root"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # clocks differ
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(root, 0 if root else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), False
        )
        .add_extension(
            x509.KeyUsage(digital_signature=not root, key_cert_sign=root, crl_sign=root, **usage),
            critical=True,
        )
    )
    if root:
        return certificate
    # Programs from before C2PA 2.4 know the purpose of e-mail alone.
    purposes = [x509.ObjectIdentifier(_CLAIM_SIGNING), ExtendedKeyUsageOID.EMAIL_PROTECTION]
    return certificate.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)


def _named(name: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
