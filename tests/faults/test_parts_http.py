"""A large upload is broken off by the death of its client or its server: only what is not held is sent again."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from itertools import takewhile
from urllib.parse import urlsplit

import pytest

import herdbook
from herdbook.client import register_model
from herdbook.entities import FileStat
from herdbook.errors import UnavailableError
from herdbook.ports.parts import PART_BYTES
from herdbook.testing.samples import SIGNATURE
from herdbook.testing.tcp_proxy import TcpProxy

pytestmark = pytest.mark.timeout(300)

SERVE = (sys.executable, "-c", "import sys; from herdbook.cli import main; sys.exit(main())", "serve", "--json")
CLIENT = """
import sys
import herdbook
from herdbook.client import register_model
from herdbook.testing.samples import SIGNATURE

with herdbook.connect(sys.argv[1]) as registry:
    register_model(sys.argv[2], sys.argv[3], registry=registry, signature=SIGNATURE, idempotency_key="once")
"""
MIB = 1024 * 1024
SIZE = 4 * PART_BYTES + 12345
MODEL = "main.default.iris"
ELSE = 16 * MIB
"""What else goes over the wire: other requests, and what a broken connection had on its way."""


@contextmanager
def serving(folder):
    env = {key: value for key, value in os.environ.items() if not key.startswith("HERDBOOK_")}
    with subprocess.Popen([*SERVE, str(folder), "--port", "0"], env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = json.loads("".join(takewhile(lambda line: line.rstrip() != "}", process.stdout)) + "}")
            yield said["url"], process
        finally:
            process.kill()
            process.wait(30)


class Counting(TcpProxy):
    """Carries bytes to a server, and counts them."""

    def __init__(self, url):
        parts = urlsplit(url)
        super().__init__(parts.hostname, parts.port)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, count):
        """Wait until so many bytes went to the server."""
        end = time.monotonic() + 120
        while self.sent < count:
            assert time.monotonic() < end, "nothing moves"
            time.sleep(0.001)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    with (folder / "weights.bin").open("wb") as stream:
        for number in range(SIZE // MIB):
            stream.write(hashlib.sha256(str(number).encode()).digest() * (MIB // 32))
        stream.write(os.urandom(SIZE % MIB))
    return folder


def held(registry, version):
    file = FileStat(path="weights.bin", size=SIZE)
    return registry.upload_plan(MODEL, [file], version=version, direct=True).slots[0].parts.held


def check(registry, version, model):
    assert (version.version, version.status.value) == (1, "READY")
    files = {file.path: file for file in registry.list_model_version_files(version.ref).items}
    with (model / "weights.bin").open("rb") as stream:
        assert files["weights.bin"].sha256 == hashlib.file_digest(stream, "sha256").hexdigest()
    # It is read back, and so verified.
    assert sum(map(len, registry.read_model_version_file(version.ref, "weights.bin"))) == SIZE


def resume(url, model, begun):
    """Register again under the same key; returns how many bytes went over the wire for that."""
    with Counting(url) as proxy, herdbook.connect(proxy.url) as registry:
        before = held(registry, 1)
        assert len(before) >= begun // PART_BYTES - 1
        version = register_model(model, MODEL, registry=registry, signature=SIGNATURE, idempotency_key="once")
        check(registry, version, model)
        missing = sum(min(PART_BYTES, SIZE - number * PART_BYTES) for number in range(5) if number not in before)
        assert proxy.sent < missing + ELSE
        assert registry.sweep_artifacts(grace_s=0).removed_staging == 0


def test_the_client_is_killed(tmp_path, model):
    """At some moment of its upload; another client goes on where it was."""
    moment = random.randrange(PART_BYTES, SIZE - PART_BYTES)
    with serving(tmp_path / "registry") as (url, _), Counting(url) as proxy:
        with herdbook.connect(url) as registry:
            registry.create_registered_model(MODEL)
        with subprocess.Popen([sys.executable, "-c", CLIENT, proxy.url, str(model), MODEL]) as client:
            proxy.wait_for(moment)
            client.kill()
        resume(url, model, moment)


def test_the_server_is_killed(tmp_path, model):
    """At some moment of an upload; the client goes on with a new server, which finds on its disk what it holds."""
    moment = random.randrange(PART_BYTES, SIZE - PART_BYTES)
    with (
        serving(tmp_path / "registry") as (url, process),
        Counting(url) as proxy,
        herdbook.connect(proxy.url) as registry,
    ):
        registry.create_registered_model(MODEL)

        def kill():
            proxy.wait_for(moment)
            process.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(UnavailableError):
            register_model(model, MODEL, registry=registry, signature=SIGNATURE, idempotency_key="once")
        killer.join()
    with serving(tmp_path / "registry") as (url, _):
        resume(url, model, moment)
