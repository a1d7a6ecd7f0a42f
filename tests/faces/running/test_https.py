"""A server with a certificate of its own: what it speaks, and how its certificate is renewed."""

from __future__ import annotations

import datetime as dt
import ipaddress
import signal
import socket
import ssl
import time

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from herdbook.bootstrap import open_registry
from herdbook.client import register_model
from herdbook.client.download import download_artifacts
from herdbook.settings import RegistrySettings, Settings
from herdbook.testing.samples import SIGNATURE


def certificate(folder):
    """Write a self-signed certificate for localhost, and return its file and its key's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def trusted(service, cert):
    """Whether a client that trusts a certificate is answered."""
    try:
        return httpx2.get(f"{service.url}/health", verify=ssl.create_default_context(cafile=cert)).status_code == 200
    except httpx2.TransportError:
        return False


def wait_for(what):
    for _ in range(1500):
        if what():
            return
        time.sleep(0.02)
    pytest.fail("it does not happen")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_certificate_is_read_again_without_an_end_to_anything(serve, tmp_path, workers):
    """On SIGHUP new connections get the new certificate, open ones go on, and half a new pair changes nothing."""
    first = tmp_path / "first.pem"
    cert, key = certificate(tmp_path)
    first.write_bytes(cert.read_bytes())
    service = serve(f'workers = {workers}\ntls_cert = "cert.pem"\ntls_key = "key.pem"\n')
    with httpx2.Client(base_url=service.url, verify=ssl.create_default_context(cafile=first)) as open_since:
        assert open_since.get("/health").status_code == 200
        old_key = key.read_bytes()
        certificate(tmp_path)
        new_key = key.read_bytes()
        key.write_bytes(old_key)
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: events(service).count("the certificate is not replaced") == workers)
        # Whichever worker takes them.
        assert all(trusted(service, first) for _ in range(12))
        key.write_bytes(new_key)
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: events(service).count("the certificate was read again") == workers)
        assert all(trusted(service, cert) and not trusted(service, first) for _ in range(12))
        assert open_since.get("/health").status_code == 200


def events(service):
    return [line["event"] for line in service.lines()]


def test_https_with_a_certificate_of_ones_own(serve, tmp_path):
    """With a certificate the server speaks TLS 1.2 and above, and a client that trusts it connects."""
    cert, _ = certificate(tmp_path)
    service = serve('tls_cert = "cert.pem"\ntls_key = "key.pem"\n')
    assert service.url.startswith("https://")
    named = {"it": RegistrySettings(uri=service.url, ca_file=str(cert))}
    with open_registry("it", settings=Settings(registries=named)) as registry:
        assert str(registry.get_catalog("main").name) == "main"
        # Large ones take another way into the server than small ones, and another one out of it without TLS.
        weights = bytes(range(256)) * 20_000
        (tmp_path / "weights.bin").write_bytes(weights)
        version = register_model(tmp_path / "weights.bin", "main.default.iris", registry=registry, signature=SIGNATURE)
        down = download_artifacts(version.ref, tmp_path / "down", registry=registry)
        assert (down / "weights.bin").read_bytes() == weights
    old = ssl.create_default_context(cafile=str(cert))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", service.port)) as plain, pytest.raises((ssl.SSLError, OSError)):
        old.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize("workers", [1, 2])
def test_figures_are_asked_for_without_a_certificate(serve, tmp_path, workers):
    """The port for figures is on this machine alone, for programs that know no name of the certificate's."""
    certificate(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve(f'workers = {workers}\nmetrics_port = {port}\ntls_cert = "cert.pem"\ntls_key = "key.pem"\n')
    for _ in range(4):
        answer = httpx2.get(f"http://127.0.0.1:{port}/metrics")
        assert answer.status_code == 200
        assert "herdbook_requests_total" in answer.text
    assert httpx2.get(f"http://127.0.0.1:{port}/api/v1/catalogs").status_code == 404
