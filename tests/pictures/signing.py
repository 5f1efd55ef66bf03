"""Sign pictures with a C2PA manifest, and read the state of a manifest. It runs with the tools' `c2pa`.

    .local/tools/c2pa/bin/python -m tests.pictures.signing sign a.png signed.png
    .local/tools/c2pa/bin/python -m tests.pictures.signing read signed.png

Each run makes a certificate of its own, without a known root: its signatures are valid, and not trusted.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
MANIFEST = {
    "claim_generator_info": [{"name": "the-provider", "version": "1"}],
    "assertions": [
        {"label": "c2pa.actions", "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE}]}}
    ],
}


def sign(source: Path, target: Path) -> None:
    """Write the picture with a manifest."""
    chain, key = _certificates()
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(alg=b"es256", sign_cert=chain, private_key=key, ta_url=None))
    with source.open("rb") as read, target.open("w+b") as write:
        c2pa.Builder(MANIFEST).sign(signer, _MEDIA_TYPES[source.suffix], read, write)


def read(picture: Path) -> str | None:
    """The state of the manifest's signature; None without a manifest."""
    with picture.open("rb") as stream:
        reader = c2pa.Reader.try_create(_MEDIA_TYPES[picture.suffix], stream)
        return str(json.loads(reader.json())["validation_state"]) if reader else None


def _certificates() -> tuple[bytes, bytes]:
    """A chain of the signer's and its issuer's, and the signer's key, as PEM."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("a root of the tests", root_key, None, root_key)
    own = _certificate("a provider of the tests", key, root, root_key)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return own.public_bytes(pem) + root.public_bytes(pem), private


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
         "decipher_only", "crl_sign"), False
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=issuer is not None, key_cert_sign=issuer is None, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if issuer:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sign", source, target]:
            sign(Path(source), Path(target))
        case ["read", *pictures]:
            print(json.dumps([read(Path(each)) for each in pictures]))
        case _:
            sys.exit(__doc__)
