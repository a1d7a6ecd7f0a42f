"""R38: events and webhooks deliver only what their owner may READ_METADATA at delivery."""

from __future__ import annotations

import json

import pytest

from herdbook.errors import UnsupportedError
from herdbook.verdicts import Operation

WEBHOOKS = {operation for operation in Operation if "webhook" in operation.value}


def test_nothing_is_delivered_yet_to_anybody(people):
    """No verb hands events out, to an admin as little as to others; this fails, and must, where delivery comes."""
    for name in ("admin", "user:ann"):
        registry = people(name)
        assert not WEBHOOKS & registry.supported
        with pytest.raises(UnsupportedError):
            registry.list_webhooks("metastore:")


def test_what_is_kept_for_delivery_names_nobody(people):
    """Events say by id who did what to what, so whoever delivers them judges by ids, and no name leaks with them."""
    people.admin.set_registered_model_tag("main.default.iris", "k", "v")
    events = [json.loads(bytes(payload)) for (payload,) in people.rows("SELECT payload FROM outbox ORDER BY id")]
    assert events
    who = people.admin.get_current_principal()
    assert {event["by"] for event in events} <= {who.id, "system:bootstrap"}
    assert all(event["securable"]["id"] for event in events)
    assert not any(str(who.name) in json.dumps(event) for event in events)
