"""External models: which descriptions are accepted, and their MLmodel document."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from herdbook.entities import ExternalModel, ModelDescription, ModelSignature
from herdbook.entities.external import MAX_DEPTH, MAX_ENDPOINT, MAX_PARAMS, is_secret_name
from herdbook.entities.signature import Tensor
from herdbook.errors import InvalidArgumentError
from herdbook.formats.external import EXTERNAL_FLAVOR
from herdbook.formats.mlmodel import describe_model, generate_external_mlmodel, signature_from
from herdbook.testing import strategies as ours
from herdbook.wire import from_json, to_json

SHARED: list[Any] = [0]
for _ in range(14):
    SHARED = [SHARED] * 3


@given(ours.external_models(st.dictionaries(ours.texts(), ours.json_values(), max_size=3)), ours.signatures())
@example(
    ExternalModel(
        endpoint="https://a.example", params={"\x85": "\u2028\ufeff\x00=", "1:30": "<<", "": [1e17, -0.0, "~"]}
    ),
    ModelSignature(outputs=(Tensor(dtype="float32", shape=(-1,)),)),
)
def test_the_document_says_what_it_was_made_of(external: ExternalModel, signature: ModelSignature) -> None:
    """describe_model(generate_external_mlmodel(e, s)) has e and s, through YAML and its limits."""
    described = describe_model(generate_external_mlmodel(external, signature))
    assert described.external == external
    assert described.signature == signature
    assert list(described.flavors) == [EXTERNAL_FLAVOR]
    assert describe_model(generate_external_mlmodel(external)).signature is None


def test_mlflow_reads_the_document(tmp_path: Any) -> None:
    """MLflow's Model.load takes it, with the same flavor and signature; only its loaders have nothing for it."""
    with warnings.catch_warnings():
        # MLflow's own imports use deprecated parts of pydantic and others; nothing of ours is imported here.
        warnings.simplefilter("ignore")
        pytest.importorskip("mlflow", reason="compares with MLflow, which is in the extra `test`")
        from mlflow.models import Model
    external = ExternalModel(
        endpoint="https://models.example.org/v1", provider="example", params={"deployment": "a", "n": [1, 2.5, None]}
    )
    signature = signature_from(
        {"inputs": [{"type": "string", "name": "text"}], "outputs": [{"type": "double"}], "params": None}
    )
    (tmp_path / "MLmodel").write_bytes(generate_external_mlmodel(external, signature))
    theirs = Model.load(str(tmp_path))
    assert theirs.flavors == {
        EXTERNAL_FLAVOR: {"endpoint": external.endpoint, "provider": "example", "params": external.params}
    }
    assert signature_from(theirs.signature) == signature


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://models.example.org",
        "https://models.example.org/v1/score?api-version=2024-01-01&deployment=a%20b",
        "http://localhost:8080/invocations",
        "http://10.0.0.1/a",
        "https://[2001:db8::1]:8443/a",
        "https://a_b.internal/models/x:predict",
    ],
)
def test_addresses_of_services_are_accepted(endpoint: str) -> None:
    """Names, addresses, ports, paths and queries."""
    assert ExternalModel(endpoint=endpoint).endpoint == endpoint


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        (None, "it is not text"),
        ("", "a URI has ASCII letters"),
        ("models.example.org", "does not begin with https"),
        ("ftp://models.example.org", "does not begin with https"),
        ("HTTPS://models.example.org", "does not begin with https"),
        ("file:///etc/passwd", "does not begin with https"),
        ("https://a b.example", "no spaces"),
        ("https://a.example/\n", "no spaces"),
        ("https://a.example/\x00", "no spaces"),
        ("https://a.example/\u202e", "no spaces"),
        ("https://a.example\\@evil.example/", "no spaces"),
        ("https://me:pw@a.example/", "a user or a password"),
        ("https://me@a.example/", "a user or a password"),
        ("https://a.example/#x", "never sent"),
        ("https://", "its host"),
        ("https:///x", "its host"),
        ("https://A.example", "its host"),
        ("https://a.example:", "its host"),
        ("https://a.example:080", "its host"),
        ("https://a..example", "its host"),
        ("https://a.example.", "its host"),
        ("https://-a.example", "its host"),
        ("https://%61.example", "its host"),
        ("https://[::0001]/", "its host"),
        ("https://[::1/", "not a URI"),
        ("https://a.example:99999", "not a URI"),
        ("https://a.example/models/../admin", "its path"),
        ("https://a.example/models/%2e%2E/admin", "its path"),
        ("https://a.example/models/.%252e/admin", "its path"),
        ("https://a.example/models%2f..%2fadmin", "its path"),
        ("https://a.example/x?api_key=1", "looks like a credential"),
        ("https://a.example/x?v=1&sig=abc", "looks like a credential"),
        ("https://a.example/x?v=1;code=abc", "looks like a credential"),
        ("https://a.example/x?access%5Ftoken=abc", "looks like a credential"),
        ("https://a.example/" + "x" * MAX_ENDPOINT, "more than 2000 characters"),
    ],
)
def test_what_is_no_plain_address_is_refused(endpoint: Any, why: str) -> None:
    """Nothing that could hide where it leads, nor a credential, which the error does not repeat."""
    with pytest.raises(InvalidArgumentError, match=why) as caught:
        ExternalModel(endpoint=endpoint)
    assert "pw" not in caught.value.message.replace("passwd", "")
    assert "abc" not in caught.value.message


@pytest.mark.parametrize(
    "name",
    [
        *("api_key", "apiKey", "API-KEY", "openai_api_key", "x-api-key", "api_keys", "apikey2", "a p i key"),
        *("token", "access_token", "hf_token", "Authorization", "password", "db.password", "passwd", "secret"),
        *("client_secret", "secrets", "aws_secret_access_key", "private key", "credentials", "Cookie"),
        *("connection_string", "token_1"),
    ],
)
def test_keys_that_look_like_secrets_are_refused(name: str) -> None:
    """At any depth, however they are written; the error names the key, says where else to put it, and not the value."""
    assert is_secret_name(name)
    for params in ({name: "hush"}, {"a": [{"b": {name: "hush"}}]}):
        with pytest.raises(InvalidArgumentError, match="looks like a secret") as caught:
            ExternalModel(endpoint="https://a.example", params=params)
        assert name in caught.value.message
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        *("max_tokens", "tokens", "stop_token", "eos_token", "eos_token_id", "pad_token", "tokenizer", "api_key_env"),
        *("secret_name", "key", "keys", "temperature", "deployment", "monkey", "foreign_key", "", "12", "___"),
    ],
)
def test_keys_that_only_sound_like_it_are_kept(name: str) -> None:
    """What generation and routing are set with, and the name of the place where a key is kept."""
    assert not is_secret_name(name)
    assert ExternalModel(endpoint="https://a.example", params={name: "x"}).params == {name: "x"}


@pytest.mark.parametrize(
    ("params", "why"),
    [
        (None, "not a mapping"),
        ([], "not a mapping"),
        ({1: "a"}, "not text"),
        ({"a": float("nan")}, "not plain JSON data"),
        ({"a": "\ud800"}, "not plain JSON data"),
        ({"a": (1, 2)}, "not plain JSON data"),
        ({"a": b"x"}, "not plain JSON data"),
        ({"a": object()}, "not plain JSON data"),
        ({"a": 1 << 64}, "more than 64 bits"),
        ({"a": "x" * MAX_PARAMS}, "bytes as JSON"),
        ({"a": SHARED}, "more than 65536 values|more than 65,536 values"),
        ({"a": json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)}, "nested more than"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_params_are_plain_and_bounded(params: Any, why: str) -> None:
    """JSON data of bounded size and depth, refused before it is written."""
    with pytest.raises(InvalidArgumentError, match=why):
        ExternalModel(endpoint="https://a.example", params=params)


@pytest.mark.parametrize("provider", ["", " a", "a\n", "a" * 101, "a\x1b[31m", 3])
def test_a_provider_is_a_short_name(provider: Any) -> None:
    """No control characters, which people would see in lists."""
    with pytest.raises(InvalidArgumentError, match="not the name of a provider"):
        ExternalModel(endpoint="https://a.example", provider=provider)


@pytest.mark.parametrize(
    "flavor",
    [
        None,
        "https://a.example",
        {},
        {"endpoint": "file:///etc/passwd"},
        {"endpoint": "https://a.example", "weights": "s3://b"},
        {"endpoint": "https://a.example", "params": {"api_key": "x"}},
        {"endpoint": "https://a.example", "params": []},
        {"endpoint": ["https://a.example"]},
    ],
)
def test_a_document_that_is_not_acceptable_is_refused_whole(flavor: Any) -> None:
    """A stranger's document cannot be half an external model: it is refused, with the place."""
    document = yaml.safe_dump({"flavors": {EXTERNAL_FLAVOR: flavor}}).encode()
    with pytest.raises(InvalidArgumentError, match=f"flavors.{EXTERNAL_FLAVOR}"):
        describe_model(document)


def test_descriptions_stored_before_are_still_read() -> None:
    """A description written before there were external models is one of a model that is not external."""
    stored = json.loads(to_json(ModelDescription(run_id="1")))
    del stored["external"]
    assert from_json(json.dumps(stored), ModelDescription) == ModelDescription(run_id="1")
