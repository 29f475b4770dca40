"""https of our own: a certificate for the names of this machine, kept as a secret, and made again only when it must be.

Run: python -m pytest tests/streamo_app/ui/test_certificate.py
"""

import datetime
import ipaddress
import socket
import ssl
import stat
import threading

import pytest
from cryptography import x509

from streamo_app.ui import certificate
from streamo_app.ui.certificate import LIFE_DAYS, RENEW_DAYS, names_of, own_addresses, self_signed

NAMES = ("box", "box.local", "localhost", "127.0.0.1", "::1", "192.168.1.5")


def test_it_names_every_way_to_the_page_and_lives_a_year(tmp_path):
    made = x509.load_pem_x509_certificate(self_signed(tmp_path / "https", NAMES).file.read_bytes())
    held = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert held.get_values_for_type(x509.DNSName) == ["box", "box.local", "localhost"]
    assert held.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address(name) for name in ("127.0.0.1", "::1", "192.168.1.5")
    ]
    assert (made.not_valid_after_utc - datetime.datetime.now(datetime.UTC)).days in (LIFE_DAYS - 1, LIFE_DAYS)


def test_key_and_folder_are_its_owners_alone(tmp_path):
    made = self_signed(tmp_path / "https", NAMES)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (made.key, made.file, tmp_path / "https")] == [
        0o600,
        0o600,
        0o700,
    ]
    assert sorted(path.name for path in (tmp_path / "https").iterdir()) == ["certificate.pem", "key.pem"]


def test_a_real_handshake_ends_with_the_printed_fingerprint(tmp_path):
    made = self_signed(tmp_path, NAMES)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(made.file, made.key)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(
            target=lambda: served.wrap_socket(server.accept()[0], server_side=True).recv(1), daemon=True
        ).start()
        trusting = ssl.create_default_context(cafile=str(made.file))
        with trusting.wrap_socket(socket.create_connection(server.getsockname()), server_hostname="127.0.0.1") as line:
            seen = x509.load_der_x509_certificate(line.getpeercert(binary_form=True))
            line.send(b"x")
    assert certificate.fingerprint(seen) == made.fingerprint and len(made.fingerprint) == 32 * 3 - 1


def test_it_is_kept_until_it_runs_out_lacks_a_name_or_is_damaged(tmp_path, monkeypatch):
    first = self_signed(tmp_path, NAMES).fingerprint
    assert self_signed(tmp_path, NAMES[:3]).fingerprint == first
    second = self_signed(tmp_path, (*NAMES, "10.0.0.7")).fingerprint
    assert second != first
    (tmp_path / "certificate.pem").write_text("not one")
    monkeypatch.setattr(certificate, "LIFE_DAYS", RENEW_DAYS - 1)
    third = self_signed(tmp_path, NAMES).fingerprint
    assert third != second and self_signed(tmp_path, NAMES).fingerprint != third


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "https").write_text("a file")
    with pytest.raises(ValueError, match=r"cannot be saved in .*https .*XDG_DATA_HOME"):
        self_signed(tmp_path / "https", NAMES)


def test_names_are_those_of_the_address_that_is_listened_on():
    assert names_of("192.168.1.5") == ("192.168.1.5", "localhost", "127.0.0.1", "::1")
    assert names_of("localhost") == ("localhost", "127.0.0.1", "::1")
    everywhere = names_of("0.0.0.0")
    assert socket.gethostname() in everywhere and {"localhost", "127.0.0.1", *own_addresses()} <= set(everywhere)
    assert not [address for address in own_addresses() if ipaddress.ip_address(address).is_loopback]
