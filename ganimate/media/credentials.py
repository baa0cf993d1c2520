"""Content Credentials: a signed account of the edit inside the file, by C2PA's own library.

Sources: C2PA Technical Specification 2.4, https://spec.c2pa.org; c2pa-python, which wraps the
reference implementation. It is the extra `ganimate[c2pa]`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganimate.errors import GanimateError, UsageError
from ganimate.files import read_file
from ganimate.media.provenance import DIGITAL_SOURCE_TYPE, Provenance
from ganimate.media.statement import printable
from ganimate.output import scratch

SIGNABLE = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".apng": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
}
"""The media type of what can be signed; of what we write that is all but WebM and Matroska."""

READABLE = SIGNABLE | {".avif": "image/avif", ".heic": "image/heic"}

# What a signing certificate may be for: e-mail, documents, C2PA claims (two names), and those of
# time stamps and OCSP answers. The library's own list of these holds only without settings.
_PURPOSES = (
    "1.3.6.1.5.5.7.3.4",
    "1.3.6.1.5.5.7.3.36",
    "1.3.6.1.4.1.62558.2.1",
    "1.3.6.1.4.1.311.76.59.1.9",
    "1.3.6.1.5.5.7.3.8",
    "1.3.6.1.5.5.7.3.9",
)
_MAX_PEM = 1 << 20


@dataclass(frozen=True)
class Credentials:
    """What outputs are signed with.

    Attributes:
        certificates: the signer's certificate and those above it, PEM.
        key: the signer's private key, PEM.
        algorithm: by C2PA's name: es256, ps256, ed25519 ...
        authority: the address of a time stamp authority (RFC 3161), asked once for each file;
            None asks nobody.
    """

    certificates: bytes = field(repr=False)
    key: bytes = field(repr=False)
    algorithm: str
    authority: str | None = None

    @classmethod
    def load(
        cls, certificates: str | Path, key: str | Path, authority: str | None = None
    ) -> Credentials:
        """Read and check a certificate chain and its key.

        Raises:
            GanimateError: `ganimate[c2pa]` is not installed; a file cannot be read, is of
                another kind, or both do not belong together.
            UsageError: the authority is no http address.
        """
        library()
        certificates, key = Path(certificates), Path(key)
        if authority and not authority.startswith(("http://", "https://")):
            raise UsageError(f"--tsa {authority}: a time stamp authority has an http(s) address")
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        chain, secret = read_pem(certificates), read_pem(key)
        try:
            signer = x509.load_pem_x509_certificates(chain)[0]
        except ValueError as error:
            raise GanimateError(f"{certificates}: this is no certificate in PEM") from error
        try:
            private = serialization.load_pem_private_key(secret, password=None)
        except TypeError as error:
            raise GanimateError(f"{key}: the key is locked by a password", "unlock it") from error
        except ValueError as error:
            raise GanimateError(f"{key}: this is no private key in PEM") from error
        if private.public_key() != signer.public_key():
            raise GanimateError(f"{key}: this key does not belong to {certificates}")
        unlocked = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return cls(chain, unlocked, _algorithm(private, key), authority)

    def sign(
        self, file: Path, suffix: str, provenance: Provenance, original: Path | None, name: Path
    ) -> None:
        """Sign a finished file, in place.

        Args:
            file: what to sign.
            suffix: its format, of `SIGNABLE`.
            provenance: what was done.
            original: the photo or film that it was made from, named as its parent.
            name: what the file is going to be called.

        Raises:
            GanimateError: the library refused, or the time stamp authority did not answer.
        """
        c2pa = library()
        configured = settings()
        configured["verify"]["verify_after_sign"] = True
        created = {"create": "compositeWithTrainedAlgorithmicMedia"}
        software, _, version = provenance.software.partition(" ")
        configured["builder"] = {
            # A thumbnail of the parent would show the unedited face.
            "thumbnail": {"enabled": False},
            "intent": "edit" if original else created,
            "claim_generator_info": {"name": software, "version": version or "unknown"},
        }
        info = c2pa.C2paSignerInfo(
            alg=self.algorithm,
            sign_cert=self.certificates,
            private_key=self.key,
            ta_url=self.authority,
        )
        with scratch(file.parent, file.suffix) as signed:
            try:
                with (
                    c2pa.Context.from_dict(configured) as context,
                    c2pa.Signer.from_info(info) as signer,
                    c2pa.Builder(_manifest(provenance, original, name), context) as builder,
                    file.open("rb") as source,
                    signed.open("w+b") as result,
                ):
                    if original:
                        _add_parent(builder, original)
                    builder.sign(signer, SIGNABLE[suffix], source, result)
            except c2pa.C2paError as error:
                asked = f"; {self.authority} was asked for the time" if self.authority else ""
                raise GanimateError(
                    f"{name}: could not be signed: {printable(str(error))}{asked}"
                ) from error
            signed.replace(file)


def library() -> Any:
    """The module c2pa.

    Raises:
        GanimateError: it is not installed.
    """
    try:
        import c2pa
    except (ImportError, OSError) as error:  # OSError: its compiled part is missing
        raise GanimateError(
            "Content Credentials need an extra that is not installed",
            "pip install 'ganimate[c2pa]'",
        ) from error
    return c2pa


def check_signable(suffix: str, provenance: Provenance | None, name: Path) -> None:
    """Refuse what is to be signed and cannot be, before any work is done for it.

    Args:
        suffix: of the format; empty for a folder of PNG frames, each of which is signed.
        provenance: says whether it is to be signed.
        name: what messages call the file.

    Raises:
        UsageError: C2PA's library has no place for a signature in this format.
    """
    if provenance and provenance.marking.credentials and suffix and suffix not in SIGNABLE:
        raise UsageError(f"{name}: {suffix} cannot be signed", "write an .mp4, or leave out --sign")


def sign_output(
    output: Path, suffix: str, provenance: Provenance | None, original: Path | None, name: Path
) -> None:
    """Sign a finished output in place, if it is to be signed.

    Args:
        output: a file, or a folder of PNG frames.
        suffix: its format, of `SIGNABLE`; empty for a folder.
        provenance: what was done, and what to sign with.
        original: the photo or film that it was made from.
        name: what the output is going to be called.

    Raises:
        GanimateError: as `Credentials.sign`.
    """
    if provenance is None or provenance.marking.credentials is None:
        return
    credentials = provenance.marking.credentials
    if suffix:
        credentials.sign(output, suffix, provenance, original, name)
        return
    for frame in sorted(output.iterdir()):
        credentials.sign(frame, ".png", provenance, original, name / frame.name)


def settings() -> dict[str, Any]:
    """Never ask the network, neither for manifests elsewhere nor whether a signer was revoked."""
    return {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "trust": {"trust_config": "\n".join(_PURPOSES)},
    }


def _manifest(provenance: Provenance, original: Path | None, name: Path) -> dict[str, Any]:
    software, _, version = provenance.software.partition(" ")
    parameters = {
        "ganimate.action_units": provenance.asked_for,
        "ganimate.weights": provenance.weights,
    }
    if original:  # without credentials of its own the parent would be a mere name
        parameters["ganimate.original_sha256"] = _sha256(original)
    edited = {
        "action": "c2pa.edited",
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
        "softwareAgent": {"name": software, "version": version or "unknown"},
        "description": f"the expression of a face was changed: {provenance.asked_for}",
        "parameters": parameters,
    }
    actions = {"label": "c2pa.actions.v2", "data": {"actions": [edited]}}
    return {"title": name.name, "assertions": [actions]}


def _add_parent(builder: Any, original: Path) -> None:
    kind = READABLE.get(original.suffix.lower(), "application/octet-stream")
    # Its name is left out: people's names for their photos are their own.
    parent = {"title": "the original", "relationship": "parentOf"}
    try:
        with original.open("rb") as stream:
            builder.add_ingredient(parent, kind, stream)
    except library().C2paError:  # a suffix that does not tell the truth, or damaged credentials
        with original.open("rb") as stream:
            builder.add_ingredient(parent, "application/octet-stream", stream)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_pem(path: Path) -> bytes:
    """A file of certificates or a key, as it is.

    Raises:
        GanimateError: it cannot be read, or is too long to be one.
    """
    return read_file(path, _MAX_PEM)


def _algorithm(private: object, name: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(private, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(private, ec.EllipticCurvePrivateKey):
        curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
        if private.curve.name in curves:
            return curves[private.curve.name]
    raise GanimateError(
        f"{name}: C2PA has no signatures by a key of this kind",
        "use P-256, P-384, P-521, RSA or Ed25519",
    )
