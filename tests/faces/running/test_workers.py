"""Several processes: one port, one registry; replaced where they die, and ended in order."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx2
import pytest

import herdbook
from herdbook.entities import FileEntry, Manifest, VersionStatus
from herdbook.errors import UnauthenticatedError, UnavailableError
from herdbook.server.running import listen_all
from herdbook.testing.samples import model_files, upload
from herdbook.wire import structure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
MODEL = "main.default.iris"
CONNECTIONS = 6


def until(what, *, seconds=30):
    """Wait for something that happens in another process."""
    last = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < last
        time.sleep(0.02)
    return found


def answers(url):
    try:
        return httpx2.get(f"{url}/api/v1/catalogs").status_code == 200
    except httpx2.TransportError:
        return False


def refuses_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def figure(port, name):
    text = httpx2.get(f"http://127.0.0.1:{port}/metrics").text
    return sum(float(value) for value in re.findall(rf"^{name} (\S+)$", text, re.MULTILINE))


def test_two_workers_count_together_and_are_replaced(serve):
    """Figures are of both, whichever is asked; one that is killed is started again and counts on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        figures = free.getsockname()[1]
    service = serve(f"workers = 2\nmetrics_port = {figures}\n")
    first = set(service.workers())
    assert len(first) == 2
    for _ in range(CONNECTIONS):
        with httpx2.Client(base_url=service.url) as client:
            assert all(client.get("/api/v1/whoami").status_code == 200 for _ in range(50))
    asked = figure(figures, r'herdbook_request_seconds_count\{operation="get_current_principal"\}')
    assert asked == CONNECTIONS * 50
    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    now = set(until(lambda: (now := set(service.workers())) and victim not in now and len(now) == 2 and now))
    assert now & first
    assert until(lambda: figure(figures, "herdbook_starts_total") == 3)
    assert all(answers(service.url) for _ in range(8))
    assert figure(figures, r'herdbook_request_seconds_count\{operation="get_current_principal"\}') == asked
    died = [line for line in service.lines() if line["event"] == "worker ended"]
    assert [(line["pid"], line["code"]) for line in died] == [(victim, -signal.SIGKILL)]


def test_an_upload_under_way_is_finished_before_the_server_ends(serve):
    """SIGTERM: no connection is taken any more, the upload is answered, exit code 0; another server goes on."""
    going, staying = serve("workers = 2\n"), serve()
    data = b"w" * 3_000_000
    with herdbook.connect(staying.url) as registry:
        registry.create_registered_model(MODEL)
        version = registry.create_model_version(MODEL)
        signed = upload(registry, version, {"MLmodel": model_files()["MLmodel"]})
        sending = http.client.HTTPConnection("127.0.0.1", going.port, timeout=60)
        sending.putrequest("PUT", f"/api/v1/models/{MODEL}/versions/{version.ref.version}/files/model.bin")
        sending.putheader("content-length", str(len(data)))
        sending.endheaders(data[:1_000_000])
        going.process.terminate()
        until(lambda: refuses_connections(going.port))
        assert answers(staying.url)
        sending.send(data[1_000_000:])
        answer = sending.getresponse()
        assert answer.status == 200
        sent = structure(json.loads(answer.read()), tuple[FileEntry, ...])
        sending.close()
        assert going.process.wait(60) == 0
        assert [(entry.path, entry.size) for entry in sent] == [("model.bin", len(data))]
        assert (
            registry.finalize_model_version(version.ref, Manifest.of((*signed.files, *sent))).status
            is VersionStatus.READY
        )


def test_what_takes_longer_than_its_time_is_broken_off(serve):
    """An upload that never ends holds the server no longer than shutdown_grace_s."""
    service = serve("shutdown_grace_s = 1\n")
    with herdbook.connect(service.url) as registry:
        registry.create_registered_model(MODEL)
        version = registry.create_model_version(MODEL)
    sending = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    sending.putrequest("PUT", f"/api/v1/models/{MODEL}/versions/{version.ref.version}/files/model.bin")
    sending.putheader("content-length", "1000000")
    sending.endheaders(b"begun")
    until(lambda: httpx2.get(f"{service.url}/health").status_code == 200)
    service.process.terminate()
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        sending.getresponse()
    sending.close()
    assert service.process.wait(60) == 0


def test_workers_end_with_their_supervisor(serve):
    """Where the supervisor is killed, its workers give up the port."""
    service = serve("workers = 2\n")
    assert answers(service.url)
    service.process.kill()
    until(lambda: refuses_connections(service.port))


def test_a_worker_that_cannot_come_up_is_told_of(tmp_path):
    """What the first worker refuses is the command's own error, with its exit code, and nothing goes on."""
    (tmp_path / "herdbook.toml").write_text("[server]\nworkers = 2\nport = 0\n")
    command = (sys.executable, "-c", "import sys; from herdbook.cli import main; sys.exit(main())")
    done = subprocess.run(
        [*command, "serve", "./registry", "--local-principal", "role:admins"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == UnauthenticatedError.exit_code, done.stderr
    assert "cannot act" in done.stderr


def test_a_port_of_several_is_taken_once():
    """A second server of several workers at the same port is refused, though the first shares it."""
    sockets = listen_all("127.0.0.1", 0, 2)
    try:
        assert len({each.fileno() for each in sockets}) == 2
        with pytest.raises(UnavailableError):
            listen_all("127.0.0.1", sockets[0].getsockname()[1], 2)
    finally:
        for each in sockets:
            each.close()
