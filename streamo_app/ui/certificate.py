"""A self-signed certificate for https, so that browsers on other machines let the page use their cameras. It is stored
in the user's data folder and renewed when it expires or lacks a name. No authority signed it, so browsers warn once;
the printed fingerprint tells whether it is the right one.

    made = self_signed(folder, names_of("0.0.0.0"))
    made.key, made.file, made.fingerprint
"""

import datetime
import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from streamo_app.config import is_loopback
from streamo_app.files import write_bytes

OWNER_ONLY = 0o600
LIFE_DAYS = 365
"""Browsers refuse certificates that live longer than about 13 months."""
RENEW_DAYS = 14
"""One that expires sooner is renewed."""
NOWHERE = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))
"""Addresses reserved for documentation: looking up the route there sends nothing and reveals this machine's address."""


@dataclass(frozen=True)
class Certificate:
    key: Path
    """Private, readable by its owner only."""
    file: Path
    fingerprint: str
    """SHA-256, as browsers show it: "AB:CD:...\""""


def names_of(host: str) -> tuple[str, ...]:
    """Names and addresses by which a page that listens on `host` can be reached."""
    here = ["localhost", "127.0.0.1", "::1"]
    if not is_everywhere(host):
        return tuple(dict.fromkeys([host.strip("[]"), *here]))
    name = socket.gethostname()
    return tuple(dict.fromkeys([name, *([] if "." in name else [f"{name}.local"]), *here, *own_addresses()]))


def is_everywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False


def own_addresses() -> list[str]:
    """Of this machine, without loopback; the one with a route to the outside first."""
    found = []
    for there, family in NOWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((there, 9))
                found.append(probe.getsockname()[0])
        except OSError:  # no route in this address family
            continue
    with suppress(OSError):  # the host name may not resolve
        found += [str(place[4][0]).partition("%")[0] for place in socket.getaddrinfo(socket.gethostname(), None)]
    return [address for address in dict.fromkeys(found) if not is_loopback(address)]


def self_signed(folder: Path, names: tuple[str, ...]) -> Certificate:
    """The certificate stored in `folder`, or a new one if there is none that is valid for `names`. Raises ValueError
    (one sentence)."""
    try:
        from cryptography import x509
    except ImportError:
        raise ValueError("--ssl-self-signed needs the cryptography package; pip install cryptography.") from None
    key, file = folder / "key.pem", folder / "certificate.pem"
    try:
        kept = x509.load_pem_x509_certificate(file.read_bytes()) if key.is_file() and file.is_file() else None
    except (OSError, ValueError):
        kept = None
    if kept is None or not is_good(kept, names):
        kept = make(key, file, names)
    return Certificate(key, file, fingerprint(kept))


def is_good(certificate, names: tuple[str, ...]) -> bool:
    from cryptography import x509

    now = datetime.datetime.now(datetime.UTC)
    if (
        not certificate.not_valid_before_utc
        <= now
        <= certificate.not_valid_after_utc - datetime.timedelta(days=RENEW_DAYS)
    ):
        return False
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*held.get_values_for_type(x509.DNSName), *map(str, held.get_values_for_type(x509.IPAddress))} >= set(
        map(plain, names)
    )


def plain(name: str) -> str:
    """A name as certificates spell it."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


def make(key_file: Path, file: Path, names: tuple[str, ...]):
    """A key and a certificate for `names`, each written atomically. Raises ValueError (one sentence)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Streamo on this machine")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks of phones are not always right
        .not_valid_after(now + datetime.timedelta(days=LIFE_DAYS))
        .add_extension(x509.SubjectAlternativeName([alternative(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        write_bytes(key_file, secret, mode=OWNER_ONLY)
        write_bytes(file, certificate.public_bytes(pem), mode=OWNER_ONLY)
    except OSError as error:
        raise ValueError(
            f"The certificate cannot be saved in {file.parent} ({error.strerror}); set XDG_DATA_HOME to a writable "
            "folder."
        ) from None
    return certificate


def alternative(name: str):
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def fingerprint(certificate) -> str:
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()
