"""The metastore that tests of policy files share."""

from __future__ import annotations

import pytest

from herdbook.names import PrincipalName
from herdbook.testing.policy_file_samples import GOVERNED_MODEL, Governed
from herdbook.testing.samples import register


@pytest.fixture
def governed(make_metastore):
    """A metastore with a model of one version; its admin may apply policies."""
    metastore = make_metastore()
    admin = metastore.for_caller(metastore.asserted(PrincipalName.parse("user:os/founder")))
    admin.grant("user:os/founder", "MANAGE_POLICY", "metastore:")
    admin.create_registered_model(GOVERNED_MODEL)
    register(admin, GOVERNED_MODEL)
    return Governed(metastore, admin)
