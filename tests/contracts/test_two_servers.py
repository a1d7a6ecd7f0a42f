"""Two server processes over one PostgreSQL and one artifact store: one registry, whichever of them is asked."""

from __future__ import annotations

import hashlib
import http
import os
from contextlib import ExitStack

import pytest
from attrs import evolve

import herdbook
from herdbook.adapters.http_registry.registry import HttpRegistry
from herdbook.adapters.http_registry.transport import Transport
from herdbook.bootstrap import open_registry
from herdbook.entities import FileStat
from herdbook.entities.ledger import PolicyFile
from herdbook.errors import NotFoundError, UnauthenticatedError
from herdbook.ports.presigning import UrlSettings
from herdbook.settings import PluginSettings, Settings
from herdbook.testing.many_servers import ForkedServer, InTurns
from herdbook.testing.presign_contract import send
from herdbook.testing.registry_contract import RegistryContract
from herdbook.testing.samples import model_files, register
from herdbook.testing.server_process import ServerProcess
from herdbook.testing.tokens_contract import TokensContract

MODEL = "main.default.iris"


def in_turns(servers, token):
    return HttpRegistry(InTurns([Transport(server.url, token=token) for server in servers]))


@pytest.fixture
def settings(tmp_path):
    return Settings(artifact_root=str(tmp_path / "artifacts"), plugins=PluginSettings(enabled=False))


@pytest.fixture
def servers(postgres_url, settings):
    """Two servers of one registry."""
    open_registry(postgres_url, settings=settings).close()
    with ExitStack() as stack:
        yield [stack.enter_context(ForkedServer(postgres_url, settings)) for _ in range(2)]


@pytest.fixture
def secret(servers):
    """The founder's token."""
    with in_turns(servers, None) as registry:
        return registry.create_token(expires_in_s=3600).secret


class TestTwoServers(RegistryContract):
    @pytest.fixture
    def settings(self, s3_settings):
        return s3_settings()

    @pytest.fixture
    def registry(self, servers, request):
        # Tests about tokens count those that there are, so they ask as the local principal, who needs none.
        about_tokens = hasattr(TokensContract, request.node.originalname)
        with in_turns(servers, None if about_tokens else request.getfixturevalue("secret")) as registry:
            yield registry


class TestSignedUrls:
    """Large files go straight to the bucket and back, each step asked of another server."""

    @pytest.fixture
    def settings(self, s3_settings):
        return evolve(s3_settings(), signed_urls=UrlSettings(from_bytes=1))

    def test_large_files(self, servers, secret, tmp_path):
        """A place that one server names is where the other looks, and a URL of either fetches what was put there."""
        content = os.urandom(3_000_000)
        with in_turns(servers, secret) as registry:
            registry.create_registered_model(MODEL)
            for _ in range(2):
                begun = registry.create_model_version(MODEL)
                stat = FileStat(path="model.bin", size=len(content))
                (slot,) = registry.upload_plan(MODEL, [stat], version=begun.version, direct=True).slots
                assert send(slot.via, content) == http.HTTPStatus.OK
                known = evolve(stat, sha256=hashlib.sha256(content).hexdigest())
                entry = registry.take_in_model_version_file(begun.ref, known)
                assert (entry.size, entry.sha256) == (len(content), known.sha256)
            version = register(registry, MODEL, model_files(content))
            folder = herdbook.download_artifacts(f"models:/{version.ref}", tmp_path / "back", registry=registry)
            assert (folder / "model.bin").read_bytes() == content


class TestChangesAreSeenAtOnce:
    """What one server has answered is in force at the other with the next request: nobody waits for a message."""

    @pytest.fixture
    def both(self, servers, secret):
        with ExitStack() as stack:
            opened = [HttpRegistry(Transport(server.url, token=secret)) for server in servers]
            yield [stack.enter_context(registry) for registry in opened]

    @pytest.fixture
    def anns(self, both, servers):
        """The same person at both servers."""
        both[0].create_principal("user:ann")
        both[0].create_registered_model(MODEL)
        self.anns_token = both[0].create_token(expires_in_s=600, principal="user:ann")
        with ExitStack() as stack:
            opened = [HttpRegistry(Transport(server.url, token=self.anns_token.secret)) for server in servers]
            yield [stack.enter_context(registry) for registry in opened]

    def test_grants_and_revocations(self, both, anns):
        """A right that one server gave holds at the other, and one that it took is gone there."""
        rights = (("USE_CATALOG", "main"), ("USE_SCHEMA", "main.default"), ("EXECUTE", MODEL))
        for turn in range(10):
            giver, asked = both[turn % 2], anns[1 - turn % 2]
            with pytest.raises(NotFoundError):
                asked.get_registered_model(MODEL)
            for privilege, on in rights:
                giver.grant("user:ann", privilege, on)
            assert str(asked.get_registered_model(MODEL).name) == MODEL
            assert len(asked.list_registered_models("main.default").items) == 1
            for privilege, on in rights:
                giver.revoke("user:ann", privilege, on)
        assert anns[0].list_catalogs().items == anns[1].list_catalogs().items == ()

    def test_revoked_tokens_and_disabled_principals(self, both, anns):
        """A token that one server revoked, or whose holder it disabled, proves nothing at the other."""
        one, other = both
        assert {str(ann.get_current_principal().name) for ann in anns} == {"user:ann"}
        one.update_principal("user:ann", enabled=False)
        with pytest.raises(UnauthenticatedError):
            anns[1].get_current_principal()
        other.update_principal("user:ann", enabled=True)
        assert str(anns[0].get_current_principal().name) == "user:ann"
        one.revoke_token(self.anns_token.token.id)
        for ann in anns:
            with pytest.raises(UnauthenticatedError):
                ann.get_current_principal()

    def test_policies(self, both):
        """Policy files and rules that one server applied are in force at the other with its next request."""
        one, other = both
        me = str(one.get_current_principal().name)
        one.grant(me, "MANAGE_POLICY", "metastore:")
        one.create_registered_model(MODEL)
        base = other.get_policies()
        files = [*base.files, PolicyFile(path="people.csv", text="p, user:guest, main, USE_CATALOG, allow")]
        revision = one.apply_policies(files, expected_revision=base.revision).revision
        assert other.get_policies().revision == revision
        assert [str(grant.principal) for grant in other.list_grants("main").items] == ["user:guest"]
        other.apply_policies(base.files, expected_revision=revision)
        assert one.list_grants("main").items == ()

    def test_aliases(self, both):
        """An alias that one server moved is resolved so by the other."""
        both[0].create_registered_model(MODEL)
        for weights in (b"1", b"2"):
            register(both[0], MODEL, model_files(weights))
        for turn in range(20):
            wanted = 1 + turn % 2
            both[turn % 2].set_registered_model_alias(f"{MODEL}@champion", wanted)
            assert both[1 - turn % 2].get_model_version_by_alias(f"{MODEL}@champion").version == wanted

    def test_names(self, both):
        """What one server renamed is found by the other under its new name alone, deleted things not at all."""
        both[0].create_registered_model(MODEL)
        names = (MODEL, "main.default.rose")
        for turn in range(6):
            both[turn % 2].rename_registered_model(names[turn % 2], names[1 - turn % 2])
            assert both[1 - turn % 2].get_registered_model(names[1 - turn % 2])
            with pytest.raises(NotFoundError):
                both[1 - turn % 2].get_registered_model(names[turn % 2])
        both[0].delete_registered_model(MODEL)
        with pytest.raises(NotFoundError):
            both[1].get_registered_model(MODEL)


def test_two_commands(postgres_url, tmp_path):
    """`herdbook serve`, started twice with one herdbook.toml, is one registry."""
    toml = f'registry_uri = "{postgres_url}"\nartifact_root = "./artifacts"\n[plugins.builtin-sql]\nconnections = 20\n'
    (tmp_path / "herdbook.toml").write_text(toml)
    with ServerProcess(postgres_url, folder=tmp_path) as one, ServerProcess(postgres_url, folder=tmp_path) as other:
        with in_turns([one, other], None) as registry:
            secret = registry.create_token(expires_in_s=600).secret
            registry.create_registered_model(MODEL)
            version = register(registry, MODEL, model_files(b"x" * 100_000))
            registry.set_registered_model_alias(f"{MODEL}@champion", version.version)
        with in_turns([other, one], secret) as registry:
            for _ in range(2):
                assert registry.get_model_version_by_alias(f"{MODEL}@champion").ref == version.ref
                assert b"".join(registry.read_model_version_file(version.ref, "model.bin")) == b"x" * 100_000
