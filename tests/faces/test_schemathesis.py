"""Whatever is asked, and by whom: a server answers as its OpenAPI document says, and never with a fault of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

import httpx2
import pytest

from herdbook.api import PREFIX
from herdbook.api.files import BUNDLE_TYPE
from herdbook.bootstrap import open_registry
from herdbook.settings import Settings
from herdbook.testing.samples import model_files, register
from herdbook.testing.server_process import ServerProcess

MODEL = "main.default.iris"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
    "unsupported_method",
)
# What is there, and what can be made; generated values are sent beside these.
NAMES = {
    "catalogs": ["main", "second", "third"],
    "schemas": ["main.default", "main.other", "second.one"],
    "models": [MODEL, "main.default.rose", "main.other.new", "main.default.fresh", "MAIN.default.Iris"],
    "principals": ["user:ann", "user:bob", "group:team", "role:reviewers", "user:os/new"],
    "versions": ["1", "2", "3", "latest"],
    "aliases": ["champion", "old", "next"],
    "keys": ["team", "a key"],
    "paths": ["model.bin", "MLmodel", "conda.yaml"],
    "privileges": ["EXECUTE", "USE_CATALOG", "MANAGE", "BROWSE", "READ_METADATA"],
    "operations": ["get_registered_model", "create_model_version", "delete_catalog"],
    "filters": ["name = 'iris'", "tags.team = 'x'", "name LIKE 'main.%' AND tags.team != 'y'"],
    "orders": ["name ASC", "name DESC", "last_updated_timestamp"],
    "refs": [f"{MODEL}/1", f"{MODEL}/2"],
}
WHERE = {
    "path.model": "models",
    "path.version": "versions",
    "path.alias": "aliases",
    "path.key": "keys",
    "path.path": "paths",
    "path.group": "principals",
    "path.member": "principals",
    "path.securable": "models",
    "query.catalog": "catalogs",
    "query.schema": "schemas",
    "query.securable": "models",
    "query.principal": "principals",
    "query.privilege": "privileges",
    "query.operation": "operations",
    "query.filter_string": "filters",
    "query.order_by": "orders",
    "body.principal": "principals",
    "body.privilege": "privileges",
    "body.securable": "models",
    "body.target": "models",
    "body.to": "principals",
    "body.ref": "refs",
}
NAMED = {
    "catalogs": ("/catalogs",),
    "schemas": ("/schemas",),
    "models": ("/models",),
    "principals": ("/principals",),
}


def written(config) -> str:
    """Return the tool's settings: values of this registry are drawn four times of five where they may stand."""
    lines = ['hooks = "hooks.py"', "[checks.not_a_server_error]", 'expected-statuses = ["2xx", "3xx", "4xx", 501]']
    for name, values in config.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(values)}"]

    def bound(where, name):
        return f'{json.dumps(where)} = {{ dictionary = "{name}", probability = 0.8 }}'

    lines += ["[parameters]", *(bound(where, name) for where, name in WHERE.items())]
    for name, (path,) in NAMED.items():
        lines += ["[[operations]]", f"include-path-regex = '^{PREFIX}{path}(/|$|:)'"]
        lines += ["[operations.parameters]"]
        lines += [bound(where, name) for where in ("path.name", "body.name", "body.new_name")]
    return "\n".join(lines)


# Bodies of files are sent as they were drawn.
HOOKS = f"""import schemathesis


@schemathesis.serializer({BUNDLE_TYPE!r})
def bundle(context, value):
    return value if isinstance(value, bytes) else str(value).encode()
"""


def founded(folder) -> str:
    """Found a registry that has something of everything; returns a token of its founder's that is cut."""
    with open_registry(str(folder / "registry"), settings=Settings()) as registry:
        me = str(registry.get_current_principal().name)
        registry.create_registered_model(MODEL, tags={"team": "x"})
        for weights in (b"1", b"2"):
            register(registry, MODEL, model_files(weights))
        registry.set_registered_model_alias(f"{MODEL}@champion", 1)
        registry.set_registered_model_alias(f"{MODEL}@old", 1)
        registry.delete_registered_model_alias(f"{MODEL}@old")
        registry.create_model_version(MODEL)
        registry.create_registered_model("main.default.gone")
        registry.delete_registered_model("main.default.gone")
        for name in ("user:ann", "user:bob", "group:team", "role:reviewers", "user:eve"):
            registry.create_principal(name)
        registry.add_member("group:team", "user:ann")
        registry.grant(me, "MANAGE_POLICY", "metastore:")
        for privilege, securable in (
            ("USE_CATALOG", "main"),
            ("USE_SCHEMA", "main.default"),
            ("CREATE_MODEL", "main.default"),
            ("EXECUTE", "main.default"),
            ("CREATE_MODEL_VERSION", MODEL),
        ):
            registry.grant("group:team", privilege, securable)

        reach = ["EXECUTE", "USE_CATALOG", "USE_SCHEMA"]
        return registry.create_token(expires_in_s=3600, privileges=reach, securable=MODEL).secret


def explored(folder, url, token, seed, examples, minutes):
    """Let the tool ask the server; returns the process that did, and how often each operation got which status."""
    (folder / "hooks.py").write_text(HOOKS)
    (folder / "schemathesis.toml").write_text(written(NAMES))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml")]
    command += ["run", f"{url}{PREFIX}/openapi.json", "--no-color", "--seed", str(seed), "-n", str(examples)]
    command += ["--phases", "examples,coverage,fuzzing,stateful", "--checks", ",".join(CHECKS)]
    command += ["--continue-on-failure", "--warnings", "off"]
    if token is not None:
        # It would not get far after it had revoked itself.
        command += ["-H", f"Authorization: Bearer {token}", "--exclude-operation-id", "revoke_token"]
    command += ["--suppress-health-check", "all", "--report-har-path", str(folder / "asked.har")]
    command += ["--max-time", str(int(minutes * 60))] if minutes else []
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    answers = Counter()
    if (folder / "asked.har").exists():
        for entry in json.loads((folder / "asked.har").read_text())["log"]["entries"]:
            answers[entry["response"]["status"]] += 1
    return done, answers


@pytest.mark.parametrize(
    ("local", "cut", "least"),
    [(None, False, 100), ("user:ann", False, 50), ("user:eve", False, 5), (None, True, 10)],
    ids=["admin", "scientist", "outsider", "cut token"],
)
@pytest.mark.timeout(0)
def test_every_answer_is_declared(local, cut, least, tmp_path, request):
    """Examples, edge cases, random and chained requests get no 5xx and no undeclared status, type or form of answer."""
    minutes = request.config.getoption("--schemathesis-minutes")
    secret = founded(tmp_path)
    token = secret if cut else None
    if local is not None:
        (tmp_path / "herdbook.toml").write_text(f'[server]\nlocal_principal = "{local}"\n')
    with ServerProcess("./registry", folder=tmp_path) as server:
        seed = int.from_bytes(os.urandom(4), "big") if minutes else 1
        done, answers = explored(tmp_path, server.url, token, seed, 1000 if minutes else 3, minutes)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{server.log()}"
        assert httpx2.get(f"{server.url}/ready").status_code == 200
    # The tool got somewhere, and was not just sent away.
    assert answers[200] + answers[201] + answers[204] > least, answers
    assert answers[401] == answers[500] == answers[503] == 0, answers
