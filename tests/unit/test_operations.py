"""The operations table says of every verb what PRODUCT's table says."""

from __future__ import annotations

import pytest

from herdbook.policy.operations import OPERATIONS, AlsoNeeds, Shape, Target, kind_of
from herdbook.verdicts import Operation, Privilege, SecurableKind

P = Privilege
KINDS = ("catalog", "schema", "registered_model", "model_version")
# PRODUCT's table of operations and needs, in its order; written out again so that a slip in either is seen.
PRODUCT = {
    (P.READ_METADATA,): [
        "get_registered_model",
        "get_model_version",
        "list_model_versions",
        "list_model_version_files",
        "get_model_version_by_alias",
        "list_registered_model_aliases",
        "list_alias_history",
        "list_approvals",
        "request_approval",
    ],
    (P.EXECUTE,): ["read_model_version_file"],
    (P.CREATE_CATALOG,): ["create_catalog"],
    (P.CREATE_SCHEMA,): ["create_schema"],
    (P.CREATE_MODEL,): ["create_registered_model"],
    (P.CREATE_MODEL_VERSION,): [
        "upload_plan",
        "create_model_version",
        "upload_model_version_files",
        "finalize_model_version",
        "copy_model_version",
    ],
    (P.SET_ALIAS,): ["set_registered_model_alias", "delete_registered_model_alias"],
    (P.APPLY_TAG,): [
        "set_registered_model_tag",
        "delete_registered_model_tag",
        "set_model_version_tag",
        "delete_model_version_tag",
    ],
    (P.MODIFY,): ["update_registered_model", "update_model_version"],
    (P.MANAGE,): [
        "update_catalog",
        "update_schema",
        *(f"rename_{kind}" for kind in KINDS[:3]),
        *(f"{verb}_{kind}" for verb in ("delete", "restore", "purge") for kind in KINDS),
        "list_deleted",
        "transfer_ownership",
        *("grant", "revoke", "deny", "lift_deny"),
        *("create_principal", "get_principal", "list_principals", "update_principal", "delete_principal"),
        *("add_member", "remove_member", "list_members"),
        *("create_webhook", "get_webhook", "list_webhooks", "update_webhook", "delete_webhook", "test_webhook"),
        "sweep_artifacts",
    ],
    (P.MANAGE, P.READ_AUDIT): ["who_can"],
    (P.READ_AUDIT, P.MANAGE_POLICY): ["check_policies", "diff_policies", "test_policies", "get_policies"],
    (P.MANAGE_POLICY,): ["apply_policies", "rebind_policy_name"],
    (P.APPROVE,): ["approve", "release_model_version"],
    (P.READ_AUDIT,): ["list_audit_events"],
    # Knowing the thing is enough, and about oneself not even that.
    (): [
        *("get_catalog", "list_catalogs", "get_schema", "list_schemas", "list_registered_models"),
        *("search_registered_models", "search_model_versions"),
        *("list_grants", "list_effective_grants", "explain", "what_can"),
        *("get_current_principal", "create_token", "list_tokens", "revoke_token"),
        "get_effective_rules",
    ],
}
# Sight and gates are looked at for every verb and ALL_PRIVILEGES stands for others: none is what a verb asks for.
NEVER_ASKED = {P.BROWSE, P.USE_CATALOG, P.USE_SCHEMA, P.ALL_PRIVILEGES}
READING = ("get_", "list_", "search_", "read_", "explain", "who_can", "what_can", "upload_plan")


def test_every_verb_needs_what_the_product_says() -> None:
    """Each verb asks for the privileges of PRODUCT's table, and no verb is missing on either side (R39)."""
    said = {Operation(verb): frozenset(privileges) for privileges, verbs in PRODUCT.items() for verb in verbs}
    assert {operation: frozenset(need.any_of) for operation, need in OPERATIONS.items()} == said
    assert set(said) == set(Operation)
    assert len(said) == sum(map(len, PRODUCT.values()))


def test_every_privilege_opens_something() -> None:
    """No privilege can be granted that no verb asks for, but sight, the gates and the shorthand for many."""
    asked = {privilege for need in OPERATIONS.values() for privilege in need.any_of}
    assert set(Privilege) - asked == NEVER_ASKED


def test_what_writes_asks_for_a_privilege() -> None:
    """A verb that changes something asks for a privilege; one's own tokens are the exception, bound by R24."""
    free = {operation for operation, need in OPERATIONS.items() if need.shape is Shape.WRITE and not need.any_of}
    assert free == {Operation.CREATE_TOKEN, Operation.REVOKE_TOKEN}
    assert all(AlsoNeeds.ONES_OWN_OR_ADMIN in OPERATIONS[operation].also for operation in free)


@pytest.mark.parametrize("operation", Operation, ids=str)
def test_a_verbs_name_says_whether_it_writes(operation: Operation) -> None:
    """What is called a reading verb never takes the writing path, and everything else does; three policy verbs try."""
    trials = {Operation.CHECK_POLICIES, Operation.DIFF_POLICIES, Operation.TEST_POLICIES}
    reads = operation.value.startswith(READING) or operation in trials
    assert (OPERATIONS[operation].shape is not Shape.WRITE) is reads


@pytest.mark.parametrize("kind", KINDS)
def test_what_leaves_or_enters_a_container_asks_its_container(kind: str) -> None:
    """Restore and rename ask for the right to create (R10, R31), purge asks the container, force asks each child."""
    assert AlsoNeeds.CREATE_IN_CONTAINER in OPERATIONS[Operation(f"restore_{kind}")].also
    assert OPERATIONS[Operation(f"purge_{kind}")].on is Target.CONTAINER
    if kind != "model_version":
        assert AlsoNeeds.CREATE_IN_CONTAINER in OPERATIONS[Operation(f"rename_{kind}")].also
        assert AlsoNeeds.EVERY_CHILD in OPERATIONS[Operation(f"delete_{kind}")].also


@pytest.mark.parametrize(
    ("also", "verbs"),
    [
        (AlsoNeeds.EXECUTE_ON_PARENTS, {"create_model_version", "finalize_model_version", "copy_model_version"}),
        (AlsoNeeds.APPLY_TAG_FOR_TAGS, {"create_registered_model", "create_model_version"}),
        (AlsoNeeds.MANAGE_CONTAINER, {"grant", "revoke", "deny", "lift_deny"}),
        (AlsoNeeds.NOT_ONES_OWN, {"approve", "release_model_version"}),
        (AlsoNeeds.READ_WATCHED, {"create_webhook", "update_webhook"}),
        (AlsoNeeds.OTHERS_NEED_MANAGE, {"list_grants", "list_effective_grants", "explain", "what_can"}),
        (AlsoNeeds.ONES_OWN_OR_ADMIN, {"create_token", "list_tokens", "revoke_token"}),
    ],
    ids=lambda value: value.name if isinstance(value, AlsoNeeds) else "",  # sets have no order of their own
)
def test_who_else_is_asked(also: AlsoNeeds, verbs: set[str]) -> None:
    """The further needs of R5, R13, R24, R26, R33, R36 and R38 hang on exactly the verbs that those rules name."""
    assert {operation.value for operation, need in OPERATIONS.items() if also in need.also} == verbs


def test_aliases_are_asked_at_their_slot() -> None:
    """SET_ALIAS is looked for at the slot (R14), and nothing else is."""
    at_slots = {operation for operation, need in OPERATIONS.items() if need.on is Target.SLOT}
    assert at_slots == {Operation.SET_REGISTERED_MODEL_ALIAS, Operation.DELETE_REGISTERED_MODEL_ALIAS}


def test_fixed_targets_are_kinds() -> None:
    """The five fixed targets are the five kinds; what depends on the request has none."""
    fixed = [target for target in Target if target not in (Target.NAMED, Target.CONTAINER)]
    assert {kind_of(target) for target in fixed} == set(SecurableKind)
    for target in (Target.NAMED, Target.CONTAINER):
        with pytest.raises(LookupError):
            kind_of(target)
