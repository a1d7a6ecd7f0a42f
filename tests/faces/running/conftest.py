"""`herdbook serve` in a process of its own, as an installation sets it up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path

import pytest

RUN = "import sys; from herdbook.cli import main; sys.exit(main())"


class Service:
    """A running server, and what it says."""

    def __init__(self, folder, table, number, *words, registry, before):
        config, self._log = folder / f"{number}.toml", folder / f"{number}.log"
        bytes_in = f'artifact_root = "{folder / "artifacts"}"\n' if registry.startswith("postgresql") else ""
        config.write_text(f'registry_uri = "{registry}"\n{bytes_in}[server]\nport = 0\n{table}')
        env = {key: value for key, value in os.environ.items() if not key.startswith("HERDBOOK_")}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", f"{before}\n{RUN}", "serve", "--json", *words],
                cwd=folder,
                env={**env, "HERDBOOK_CONFIG": str(config)},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        told = "".join(takewhile(lambda line: line.rstrip() != "}", self.process.stdout))
        assert told, self._log.read_text()
        self.url = json.loads(told + "}")["url"]

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    def workers(self):
        """Return the ids of its workers."""
        pid = self.process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def lines(self):
        """Return what it has logged."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def close(self):
        self.process.terminate()
        self.process.wait(60)
        self.process.stdout.close()


@pytest.fixture
def serve(tmp_path):
    """Start servers over one folder, or another registry: `serve(TOML of [server])`; `before` is Python run there."""
    with ExitStack() as stack:
        started = []

        def start(table="", *words, registry="./registry", before=""):
            service = Service(tmp_path, table, len(started), *words, registry=registry, before=before)
            started.append(service)
            stack.callback(service.close)
            return service

        yield start
