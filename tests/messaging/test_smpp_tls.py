"""SMPP over TLS, to a centre with a certificate of its own making."""

import ssl
from datetime import timedelta
from ipaddress import ip_address
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.core import clock
from apps.messaging.channels import Account, Letter, Verdict, smpp
from apps.messaging.channels.smpp.link import DownError
from tests.peers.smsc import centre

HERE = x509.IPAddress(ip_address("127.0.0.1"))


def certified(folder, name=HERE):
    """Make a certificate that vouches for itself; return its file and a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A message centre")])
    now = clock.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "centre.pem"
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    file.write_bytes(certificate.public_bytes(pem) + key.private_bytes(pem, *plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return file, context


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    """A centre's context, whose certificate this machine trusts."""
    file, context = certified(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return context


def account(smsc, **options):
    given = {"host": "127.0.0.1", "port": smsc.port, "name": "tidings", "tls": True, **options}
    return Account("smsc", options=given, secret="secret", window=20)


def test_letters_and_receipts_pass_a_line_that_nobody_else_can_read(trusted):
    letters = [Letter(key=uuid4(), to="+79161234567", text="Новости " * n) for n in range(1, 60)]
    kept = []
    with centre(tls=trusted, receipts="DELIVRD") as smsc:
        with smpp.bound(account(smsc), kept.extend) as session:
            answers = dict(session.send(letters))
            smsc.until(lambda: len(smsc.responses) == len(letters))
        smsc.until(lambda: not smsc.sessions)
    assert {answer.verdict for answer in answers.values()} == {Verdict.SENT}
    assert len(smsc.messages) > len(letters)
    assert {one.provider_id for one in kept} == {one.provider_id for one in answers.values()}


def test_nothing_goes_to_a_centre_whose_certificate_nobody_vouches_for(tmp_path):
    _file, context = certified(tmp_path)
    with centre(tls=context) as smsc, pytest.raises(DownError), smpp.bound(account(smsc), print):
        pass
    assert smsc.binds == []


def test_nothing_goes_to_a_centre_that_is_certified_as_another(tmp_path, monkeypatch):
    file, context = certified(tmp_path, x509.DNSName("elsewhere.example"))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with centre(tls=context) as smsc, pytest.raises(DownError), smpp.bound(account(smsc), print):
        pass
    assert smsc.binds == []


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_line_of_which_one_end_alone_speaks_tls_is_down(trusted, is_ours):
    """A name and a password never go out in the clear where TLS was asked for."""
    tls = None if is_ours else trusted
    with (
        centre(tls=tls) as smsc,
        pytest.raises(DownError),
        smpp.bound(account(smsc, tls=is_ours), print),
    ):
        pass
    assert smsc.binds == []
