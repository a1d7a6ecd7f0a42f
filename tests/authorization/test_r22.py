"""R22: policy files are applied in one transaction against a named base, and act in no other way."""

from __future__ import annotations

import pytest

from herdbook.entities.ledger import PolicyFile
from herdbook.errors import ConcurrentUpdateError, ConflictError, NotFoundError
from herdbook.testing.policy_file_samples import GOVERNED_MODEL
from herdbook.verdicts import Privilege

READ = f"p, user:ann, {GOVERNED_MODEL}, READ_METADATA, allow\np, user:ann, main, USE_CATALOG, allow\n"
READ += "p, user:ann, main, USE_SCHEMA, allow\n"


@pytest.fixture
def admin(governed):
    """The admin of the metastore, who may apply policies."""
    return governed.admin


def files(admin, text):
    """Return the files in force, with one file of lines more."""
    kept = [file for file in admin.get_policies().files if file.path != "people.csv"]
    return [*kept, PolicyFile(path="people.csv", text=text)]


def apply(admin, text):
    return admin.apply_policies(files(admin, text), expected_revision=admin.get_policies().revision, reason="because")


def test_apply_replaces_the_set_with_its_audit_row(admin, governed):
    """What the last set said and the new one does not is gone at once; the change is recorded with its reason."""
    apply(admin, READ)
    assert len(admin.list_grants(GOVERNED_MODEL, principal="user:ann").items) == 1
    done = apply(admin, "# nothing any more\n")
    assert admin.list_grants(GOVERNED_MODEL, principal="user:ann").items == ()
    assert admin.get_policies().revision == done.revision
    with governed.metastore.core.store.read() as tx:
        rows = tx._run.all("SELECT payload FROM audit WHERE operation = 'apply_policies' ORDER BY id")
    assert b'"reason":"because"' in bytes(rows[-1][0])


def test_a_changed_base_is_refused(admin):
    """Whoever looked at an older set does not overwrite a newer one."""
    base = admin.get_policies().revision
    apply(admin, READ)
    with pytest.raises(ConcurrentUpdateError):
        admin.apply_policies(files(admin, ""), expected_revision=base)
    assert len(admin.list_grants(GOVERNED_MODEL, principal="user:ann").items) == 1


def test_a_line_of_a_file_cannot_be_revoked(admin):
    """Revoking it at run time is a conflict that names the file and line; a grant beside it says what still allows."""
    apply(admin, READ)
    with pytest.raises(ConflictError, match=r"people\.csv:1"):
        admin.revoke("user:ann", Privilege.READ_METADATA, GOVERNED_MODEL)
    admin.grant("user:ann", Privilege.READ_METADATA, GOVERNED_MODEL)
    [still] = admin.revoke("user:ann", Privilege.READ_METADATA, GOVERNED_MODEL)
    assert still.grant.origin == "people.csv:1"


def test_files_on_disk_do_nothing_by_themselves(make_metastore, tmp_path, governed):
    """A folder that lies there and is edited changes nothing until it is applied."""
    ann = governed.metastore
    (tmp_path / "people.csv").write_text(READ)
    with pytest.raises(NotFoundError):
        governed.admin.get_principal("user:ann")
    assert ann.core.store.metastore_id() is not None
    assert all(file.path != "people.csv" for file in governed.admin.get_policies().files)
