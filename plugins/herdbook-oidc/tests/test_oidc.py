"""OpenID Connect tokens: real keys, a real server of key sets, and a registry that lets people in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from herdbook.bootstrap import Location, load_plugins, open_metastore
from herdbook.entities import Authn
from herdbook.errors import InvalidArgumentError, UnauthenticatedError, UnavailableError
from herdbook.names import PrincipalName
from herdbook.plugins import PluginManager
from herdbook.service import Authentication
from herdbook.settings import Settings, os_principal
from herdbook_oidc import plugin
from herdbook_oidc.keys import MAX_BYTES, KeyStore
from herdbook_oidc.options import ALGORITHMS, Issuer, OidcOptions
from herdbook_oidc.provider import OidcProvider

ISSUER, AUDIENCE = "https://issuer.example", "herdbook"
NOW = 1_900_000_000
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}, auto_kid=False)
EC = ECKey.generate_key("P-256", {"kid": "ec"}, auto_kid=False)
OTHER = RSAKey.generate_key(2048, {"kid": "other"}, auto_kid=False)
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "00u1A", "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 600}


def key_set(*keys):
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def signed(key=RSA, algorithm="RS256", header=None, **changes):
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return jwt.encode({"alg": algorithm, "kid": key.kid, **(header or {})}, claims, key, algorithms=[algorithm])


def encoded(value):
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def signed_as_it_stands(header):
    """Sign what joserfc would not: whatever the header says."""
    start = f"{encoded({'alg': 'RS256', 'kid': 'rsa', **header})}.{encoded(CLAIMS)}"
    return f"{start}.{encoded(RSA.private_key.sign(start.encode(), PKCS1v15(), SHA256()))}"


@pytest.fixture
def server():
    """A server of key sets; what it answers can be changed, and it counts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            made.count += 1
            self.send_response(made.status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.end_headers()
            for block in made.blocks():
                try:
                    self.wfile.write(block)
                except OSError:
                    return

        def log_message(self, *_):
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.count, made.status, made.headers, made.blocks = 0, 200, {}, lambda: [key_set(RSA, EC)]
    made.url = f"http://127.0.0.1:{made.server_port}/keys"
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def provider(**changes):
    return OidcProvider(OidcOptions(issuers={"okta": Issuer(issuer=ISSUER, audience=AUDIENCE, **changes)}))


@pytest.fixture
def judge(tmp_path):
    """A provider with the keys in a file."""
    (tmp_path / "keys.json").write_bytes(key_set(RSA, EC))
    return provider(jwks_file=str(tmp_path / "keys.json"))


def told(judge, token, now=NOW):
    return judge.authenticate(token, now_ms=now * 1000)


def test_a_token_that_holds_says_who_it_is(judge):
    """Source, issuer, subject, groups and end come from the signed claims; other claims, an e-mail too, say nothing."""
    found = told(judge, signed(groups=["Risk", "Fraud"], email="boss@example.com", preferred_username="boss"))
    assert (found.source, found.issuer, found.subject) == ("okta", ISSUER, "00u1A")
    assert (found.groups, found.until_ms) == (("Risk", "Fraud"), (NOW + 600) * 1000)
    assert told(judge, signed(EC, "ES256", groups="Risk")).groups == ("Risk",)
    assert told(judge, signed(aud=["other", AUDIENCE])).groups == ()
    assert told(judge, signed_as_it_stands({"x5t#S256": "ignored", "unknown": 1})).subject == "00u1A"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": NOW - 61},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("nan")},
        {"nbf": NOW + 61},
        {"iat": NOW + 61},
        {"iat": "now"},
        {"aud": None},
        {"aud": "herd"},
        {"aud": ["other"]},
        {"aud": {AUDIENCE: 1}},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"groups": [1]},
        {"groups": {"a": 1}},
        {"header": {"typ": "logout+jwt"}},
        {"header": {"kid": "nobody"}},
        {"header": {"kid": "ec"}},
    ],
    ids=repr,
)
def test_a_token_that_does_not_hold_is_refused(judge, changes):
    """Each claim that is missing, wrong, too early or too late is refused, with one and the same answer."""
    with pytest.raises(UnauthenticatedError, match=r"^The credential was not accepted\. Sign in again\.$"):
        told(judge, signed(**changes))


@pytest.mark.parametrize("critical", [["unknown"], ["b64"], [], "unknown", [1]], ids=repr)
def test_a_header_with_critical_entries_is_refused(judge, critical):
    """What the header says must be understood is not taken for something that may be ignored."""
    with pytest.raises(UnauthenticatedError):
        told(judge, signed_as_it_stands({"crit": critical, "unknown": 1, "b64": True}))


def test_clocks_may_differ_by_the_skew_and_no_more(judge):
    """A token holds until `exp` and the skew, and from `nbf` less the skew."""
    assert told(judge, signed(), NOW + 659) is not None
    assert told(judge, signed(nbf=NOW + 59)) is not None
    with pytest.raises(UnauthenticatedError):
        told(judge, signed(), NOW + 660)


def test_what_is_signed_by_others_is_refused(judge):
    """Another's key, no signature, a changed claim, and the public key taken for an HMAC secret all fail."""
    head, body, signature = signed().split(".")
    forged = [
        signed(OTHER, header={"kid": "rsa"}),
        f"{head}.{encoded({**CLAIMS, 'sub': 'admin'})}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}.{encoded(b'x' * 256)}",
    ]
    unsigned = [f"{encoded({'alg': name, 'kid': 'rsa'})}.{body}." for name in ("none", "None", "NONE")]
    forged += [*unsigned, f"{unsigned[0]}AA"]
    for secret in (RSA.as_pem(private=False), RSA.as_der(private=False), key_set(RSA), b""):
        for name, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
            start = f"{encoded({'alg': name, 'kid': 'rsa'})}.{body}"
            forged.append(f"{start}.{encoded(hmac.new(secret, start.encode(), digest).digest())}")
    own = OTHER.as_dict(private=False)
    forged.append(signed(OTHER, header={"kid": "rsa", "jwk": own}))
    for token in forged:
        with pytest.raises(UnauthenticatedError):
            told(judge, token)


def test_an_algorithm_that_is_not_listed_is_refused(judge, tmp_path):
    """A good signature of another kind, or of a key that is said to be for another kind, does not count."""
    with pytest.raises(UnauthenticatedError):
        told(judge, signed(algorithm="RS512"))
    bound = RSAKey.import_key({**RSA.as_dict(private=False), "alg": "RS512"})
    (tmp_path / "bound.json").write_bytes(key_set(bound))
    strict = provider(jwks_file=str(tmp_path / "bound.json"), algorithms=("RS256", "RS512"))
    assert told(strict, signed(algorithm="RS512")) is not None
    with pytest.raises(UnauthenticatedError):
        told(strict, signed(algorithm="RS256"))


def test_every_algorithm_that_can_be_listed_works(tmp_path):
    """What the options accept is what tokens can be signed with."""
    keys = {
        "RS": RSA, "PS": RSA, "Ed": OKPKey.generate_key("Ed25519", {"kid": "ed"}, auto_kid=False),
        "ES256": EC,
        "ES384": ECKey.generate_key("P-384", {"kid": "384"}, auto_kid=False),
        "ES512": ECKey.generate_key("P-521", {"kid": "512"}, auto_kid=False),
    }  # fmt: skip
    (tmp_path / "keys.json").write_bytes(key_set(*{id(key): key for key in keys.values()}.values()))
    judge = provider(jwks_file=str(tmp_path / "keys.json"), algorithms=ALGORITHMS)
    for algorithm in ALGORITHMS:
        assert told(judge, signed(keys.get(algorithm) or keys[algorithm[:2]], algorithm)) is not None, algorithm


NO_TOKENS = ["", "x", "a.b", "a.b.c", "a.b.c.d", f"{encoded(b'[')}.{encoded(b'1')}.x", "." * 20_000]


@pytest.mark.parametrize("text", NO_TOKENS)
def test_what_is_no_token_of_the_issuer_is_left_to_others(judge, text):
    """Other credentials, and other issuers' tokens, are not this provider's to judge."""
    assert told(judge, text) is None
    assert told(judge, signed(iss="https://issuer.example/")) is None
    assert told(judge, signed(iss=None)) is None
    deep = f"{encoded(b'{}')}.{encoded(b'[' * 9_000)}.x"
    assert told(judge, deep) is None


def test_a_key_without_an_id_is_found_by_trying(tmp_path):
    """Where the header names no key, each that fits is tried."""
    (tmp_path / "keys.json").write_bytes(key_set(OTHER, EC, RSA))
    judge = provider(jwks_file=str(tmp_path / "keys.json"))
    token = jwt.encode({"alg": "RS256"}, CLAIMS, RSA, algorithms=["RS256"])
    assert told(judge, token).subject == "00u1A"


def test_keys_are_fetched_once_and_again_for_an_unknown_one(server):
    """An unknown key makes them be fetched anew, at most once in `refetch_s`; a known one never does."""
    clock = [0.0]
    keys = KeyStore(Issuer(issuer=ISSUER, audience=AUDIENCE, jwks_url=server.url, refetch_s=30), lambda: clock[0])
    assert {key.kid for key in keys.find(None)} == {"rsa", "ec"}
    for _ in range(5):
        assert keys.find("rsa")
        assert keys.find("other") == ()
    assert server.count == 1
    clock[0] = 31
    server.blocks = lambda: [key_set(OTHER)]
    assert [key.kid for key in keys.find("other")] == ["other"]
    assert server.count == 2
    assert keys.find("rsa") == ()
    assert server.count == 2


def test_old_keys_are_fetched_again_and_kept_where_that_fails(server):
    """After `max_age_s` a withdrawn key counts no more; while the issuer is down the last ones go on counting."""
    clock = [0.0]
    issuer = Issuer(issuer=ISSUER, audience=AUDIENCE, jwks_url=server.url, refetch_s=30, max_age_s=100)
    keys = KeyStore(issuer, lambda: clock[0])
    assert keys.find("rsa")
    server.status, clock[0] = 500, 101
    assert keys.find("rsa")
    assert keys.find("rsa")
    assert server.count == 2
    server.status, clock[0] = 200, 140
    server.blocks = lambda: [key_set(EC)]
    assert keys.find("rsa") == ()
    assert server.count == 3


@contextmanager
def answering(server, status=200, headers=None, blocks=None):
    server.status, server.headers = status, headers or {}
    server.blocks = blocks or (lambda: [key_set(RSA)])
    yield


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 404},
        {"status": 302, "headers": {"Location": "/elsewhere"}},
        {"blocks": lambda: [b"no json"]},
        {"blocks": lambda: [b"[]"]},
        {"blocks": lambda: [b'{"keys": []}']},
        {"blocks": lambda: [b"[" * 10_000]},
        {"blocks": lambda: [json.dumps({"keys": [OctKey.generate_key(256).as_dict(private=True)]}).encode()]},
        {"blocks": lambda: [json.dumps({"keys": [RSA.as_dict(private=True), {"kty": "RSA"}, 7]}).encode()]},
        {"blocks": lambda: [key_set(RSA)[:-1] + b" " * MAX_BYTES + b"}"]},
    ],
    ids=["404", "redirect", "text", "list", "empty", "deep", "symmetric", "private or broken", "huge"],
)
def test_without_any_keys_the_answer_is_try_again(server, wrong):
    """A key set that cannot be used is none: nobody is let in, and nobody is told that their token is bad."""
    with answering(server, **wrong):
        judge = provider(jwks_url=server.url, refetch_s=0.000001)
        with pytest.raises(UnavailableError, match="cannot be fetched now"):
            told(judge, signed())
    with answering(server):
        assert told(judge, signed()) is not None


def test_a_server_that_drips_does_not_hold_a_request(server):
    """Fetching ends after `timeout_s`, however small the pieces are in which keys come."""
    stop = threading.Event()

    def drip():
        while not stop.wait(0.02):
            yield b" "

    try:
        with answering(server, blocks=drip):
            judge = provider(jwks_url=server.url, timeout_s=0.3)
            with pytest.raises(UnavailableError):
                told(judge, signed())
    finally:
        stop.set()


def test_small_keys_do_not_count(tmp_path):
    """RSA keys under 2048 bits are left out."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    small = rsa.generate_private_key(65537, 1024).public_key()
    numbers = small.public_numbers()
    text = {"kty": "RSA", "e": "AQAB", "n": encoded(numbers.n.to_bytes(128))}
    assert small.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [text]}))
    with pytest.raises(InvalidArgumentError, match="no key that can be used"):
        provider(jwks_file=str(tmp_path / "keys.json"))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "one of them"),
        ({"jwks_url": "https://x/", "jwks_file": "f"}, "one of them"),
        ({"jwks_url": "http://issuer.example/keys"}, "unprotected"),
        ({"jwks_url": "file:///etc/passwd"}, "unprotected"),
        ({"jwks_url": "https://user@x/"}, "unprotected"),
        ({"jwks_url": "https://x/", "algorithms": ["HS256"]}, "Choose from"),
        ({"jwks_url": "https://x/", "algorithms": ["none"]}, "Choose from"),
        ({"jwks_url": "https://x/", "algorithms": []}, "Choose from"),
        ({"jwks_url": "https://x/", "clock_skew_s": 601}, "clock_skew_s"),
        ({"jwks_url": "https://x/", "timeout_s": 0}, "timeout_s"),
        ({"jwks_url": "https://x/", "audience": ""}, "audience"),
        ({"jwks_url": "https://x/", "secret": "x"}, "secret"),
    ],
    ids=repr,
)
def test_wrong_options_refuse_to_start(options, match):
    """Each mistake in `[plugins.oidc]` is told when plugins are loaded."""
    table = {"issuers": {"okta": {"issuer": ISSUER, "audience": AUDIENCE, **options}}}
    with pytest.raises(InvalidArgumentError, match=match):
        PluginManager.load(builtins=[("oidc", plugin)], installed=[], options={"oidc": table})


def test_one_issuer_has_one_source():
    """Two sources of one issuer would give one person two names."""
    one = Issuer(issuer=ISSUER, audience=AUDIENCE, jwks_url="https://x/")
    with pytest.raises(InvalidArgumentError, match="have one issuer"):
        OidcOptions(issuers={"a": one, "b": one})


def test_people_come_in_as_who_they_are_and_with_what_was_granted(server, tmp_path):
    """Through the settings: a first sight makes `user:okta/NAME` without rights; claim groups count while shown."""
    table = {"issuers": {"okta": {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": server.url}}}
    settings = Settings(plugin_options={"oidc": table}, home=str(tmp_path))
    manager = load_plugins(settings)
    place = Location(metadata="sqlite://", artifacts=f"file://{tmp_path / 'artifacts'}")
    metastore = open_metastore(place, settings, manager)
    authentication = Authentication.open(metastore, manager)
    try:
        admin = metastore.for_caller(metastore.asserted(os_principal()))
        admin.create_principal("group:okta/Risk")
        admin.grant("group:okta/risk", "BROWSE", "main")
        admin.grant("group:okta/risk", "MANAGE", "main")
        now = int(time.time())
        times = {"iat": now, "nbf": now, "exp": now + 600}
        caller = authentication.caller_for(f"Bearer {signed(**times)}", request_id="r1")
        assert (caller.authn, caller.request_id, caller.until_ms) == (Authn.OIDC, "r1", (now + 600) * 1000)
        registry = metastore.for_caller(caller)
        assert registry.get_current_principal().name == PrincipalName.parse("user:okta/00u1A")
        assert registry.list_catalogs().items == ()
        claiming = authentication.caller_for(f"Bearer {signed(groups=['Risk', 'unknown', 'a b'], **times)}")
        assert claiming.principal_id == caller.principal_id
        assert [str(each.name) for each in metastore.for_caller(claiming).list_catalogs().items] == ["main"]
        for wrong in (signed(OTHER, header={"kid": "rsa"}, **times), "x.y.z"):
            with pytest.raises(UnauthenticatedError):
                authentication.caller_for(f"Bearer {wrong}")
    finally:
        authentication.close()
        metastore.close()


def test_without_an_issuer_nothing_is_loaded():
    """Where the plugin is installed and not set up, it judges no credential and costs nothing."""
    code = """
import sys
from herdbook_oidc.options import OidcOptions
from herdbook_oidc.plugin import herdbook_identity_sources

(source,) = herdbook_identity_sources()
provider = source.open(OidcOptions())
assert provider.authenticate("a.b.c", now_ms=0) is None
assert not provider.sources
provider.close()
print([name for name in ("joserfc", "cryptography", "httpx2") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
