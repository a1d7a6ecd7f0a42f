"""The plain values that questions and answers are made of: operations, privileges, decisions, verdicts."""

from __future__ import annotations

from enum import Enum, StrEnum

from attrs import field, frozen

# Members are looked up in tables and sets for every decision; Enum's own hash is a function in Python.


class SecurableKind(StrEnum):
    """What a right or a rule can hang on, from the whole down to the slot of an alias."""

    __hash__ = str.__hash__

    METASTORE = "METASTORE"
    CATALOG = "CATALOG"
    SCHEMA = "SCHEMA"
    REGISTERED_MODEL = "REGISTERED_MODEL"
    MODEL_ALIAS = "MODEL_ALIAS"


class Privilege(StrEnum):
    """What can be granted on a securable; PRODUCT.md says what each allows."""

    __hash__ = str.__hash__

    BROWSE = "BROWSE"
    USE_CATALOG = "USE_CATALOG"
    USE_SCHEMA = "USE_SCHEMA"
    CREATE_CATALOG = "CREATE_CATALOG"
    CREATE_SCHEMA = "CREATE_SCHEMA"
    CREATE_MODEL = "CREATE_MODEL"
    CREATE_MODEL_VERSION = "CREATE_MODEL_VERSION"
    READ_METADATA = "READ_METADATA"
    EXECUTE = "EXECUTE"
    MODIFY = "MODIFY"
    APPLY_TAG = "APPLY_TAG"
    SET_ALIAS = "SET_ALIAS"
    APPROVE = "APPROVE"
    MANAGE = "MANAGE"
    READ_AUDIT = "READ_AUDIT"
    MANAGE_POLICY = "MANAGE_POLICY"
    ALL_PRIVILEGES = "ALL_PRIVILEGES"


class Operation(StrEnum):
    """Every verb that is authorized; each value is the name of a method of the Registry port."""

    __hash__ = str.__hash__

    CREATE_CATALOG = "create_catalog"
    GET_CATALOG = "get_catalog"
    LIST_CATALOGS = "list_catalogs"
    UPDATE_CATALOG = "update_catalog"
    RENAME_CATALOG = "rename_catalog"
    DELETE_CATALOG = "delete_catalog"
    RESTORE_CATALOG = "restore_catalog"
    PURGE_CATALOG = "purge_catalog"

    CREATE_SCHEMA = "create_schema"
    GET_SCHEMA = "get_schema"
    LIST_SCHEMAS = "list_schemas"
    UPDATE_SCHEMA = "update_schema"
    RENAME_SCHEMA = "rename_schema"
    DELETE_SCHEMA = "delete_schema"
    RESTORE_SCHEMA = "restore_schema"
    PURGE_SCHEMA = "purge_schema"

    CREATE_REGISTERED_MODEL = "create_registered_model"
    GET_REGISTERED_MODEL = "get_registered_model"
    LIST_REGISTERED_MODELS = "list_registered_models"
    SEARCH_REGISTERED_MODELS = "search_registered_models"
    UPDATE_REGISTERED_MODEL = "update_registered_model"
    RENAME_REGISTERED_MODEL = "rename_registered_model"
    DELETE_REGISTERED_MODEL = "delete_registered_model"
    RESTORE_REGISTERED_MODEL = "restore_registered_model"
    PURGE_REGISTERED_MODEL = "purge_registered_model"

    UPLOAD_PLAN = "upload_plan"
    CREATE_MODEL_VERSION = "create_model_version"
    UPLOAD_MODEL_VERSION_FILES = "upload_model_version_files"
    FINALIZE_MODEL_VERSION = "finalize_model_version"
    COPY_MODEL_VERSION = "copy_model_version"
    GET_MODEL_VERSION = "get_model_version"
    LIST_MODEL_VERSIONS = "list_model_versions"
    SEARCH_MODEL_VERSIONS = "search_model_versions"
    UPDATE_MODEL_VERSION = "update_model_version"
    DELETE_MODEL_VERSION = "delete_model_version"
    RESTORE_MODEL_VERSION = "restore_model_version"
    PURGE_MODEL_VERSION = "purge_model_version"
    LIST_MODEL_VERSION_FILES = "list_model_version_files"
    READ_MODEL_VERSION_FILE = "read_model_version_file"

    SET_REGISTERED_MODEL_ALIAS = "set_registered_model_alias"
    DELETE_REGISTERED_MODEL_ALIAS = "delete_registered_model_alias"
    GET_MODEL_VERSION_BY_ALIAS = "get_model_version_by_alias"
    LIST_REGISTERED_MODEL_ALIASES = "list_registered_model_aliases"
    LIST_ALIAS_HISTORY = "list_alias_history"

    SET_REGISTERED_MODEL_TAG = "set_registered_model_tag"
    DELETE_REGISTERED_MODEL_TAG = "delete_registered_model_tag"
    SET_MODEL_VERSION_TAG = "set_model_version_tag"
    DELETE_MODEL_VERSION_TAG = "delete_model_version_tag"

    LIST_DELETED = "list_deleted"
    TRANSFER_OWNERSHIP = "transfer_ownership"

    GRANT = "grant"
    REVOKE = "revoke"
    DENY = "deny"
    LIFT_DENY = "lift_deny"
    LIST_GRANTS = "list_grants"
    LIST_EFFECTIVE_GRANTS = "list_effective_grants"

    EXPLAIN = "explain"
    WHO_CAN = "who_can"
    WHAT_CAN = "what_can"

    GET_CURRENT_PRINCIPAL = "get_current_principal"
    CREATE_PRINCIPAL = "create_principal"
    GET_PRINCIPAL = "get_principal"
    LIST_PRINCIPALS = "list_principals"
    UPDATE_PRINCIPAL = "update_principal"
    DELETE_PRINCIPAL = "delete_principal"
    ADD_MEMBER = "add_member"
    REMOVE_MEMBER = "remove_member"
    LIST_MEMBERS = "list_members"

    CREATE_TOKEN = "create_token"  # noqa: S105 the name of a verb, not a secret
    LIST_TOKENS = "list_tokens"
    REVOKE_TOKEN = "revoke_token"  # noqa: S105 the name of a verb, not a secret

    GET_EFFECTIVE_RULES = "get_effective_rules"
    CHECK_POLICIES = "check_policies"
    DIFF_POLICIES = "diff_policies"
    TEST_POLICIES = "test_policies"
    APPLY_POLICIES = "apply_policies"
    GET_POLICIES = "get_policies"
    REBIND_POLICY_NAME = "rebind_policy_name"

    REQUEST_APPROVAL = "request_approval"
    APPROVE = "approve"
    LIST_APPROVALS = "list_approvals"
    RELEASE_MODEL_VERSION = "release_model_version"

    LIST_AUDIT_EVENTS = "list_audit_events"

    CREATE_WEBHOOK = "create_webhook"
    GET_WEBHOOK = "get_webhook"
    LIST_WEBHOOKS = "list_webhooks"
    UPDATE_WEBHOOK = "update_webhook"
    DELETE_WEBHOOK = "delete_webhook"
    TEST_WEBHOOK = "test_webhook"

    SWEEP_ARTIFACTS = "sweep_artifacts"


class Sight(Enum):
    """Whether the caller may know that the thing exists, which separates 403 from 404."""

    KNOWN = "known"
    HIDDEN = "hidden"


@frozen(kw_only=True)
class Requirement:
    """One privilege, asked for at one level of a chain.

    Args:
        privilege: What is needed.
        kind: The level of the chain where it is needed.
    """

    privilege: Privilege
    kind: SecurableKind


@frozen(kw_only=True)
class Allowed:
    """The requirement is met.

    Args:
        because: The relation or line that decided, in words.
        revision: The policy revision that it was decided under.
    """

    because: str
    revision: int


@frozen(kw_only=True)
class Denied:
    """The requirement is not met.

    Args:
        privilege: The privilege that is missing (or that a deny takes away).
        kind: The level where it is missing.
        securable: The name of that level.
        sight: Whether the caller may know of the object asked about.
        revision: The policy revision that it was decided under.
        ask: Principals who can grant it, by name.
    """

    privilege: Privilege
    kind: SecurableKind
    securable: str
    sight: Sight
    revision: int
    ask: tuple[str, ...] = ()


Decision = Allowed | Denied


@frozen(kw_only=True)
class Rejection:
    """One reason why a rule or a check refuses something.

    Args:
        rule: The rule's or check's name.
        message: What is wrong.
        securable: The securable whose ruleset demands it; empty until the gate fills it in.
        hint: How to meet the rule.
    """

    rule: str
    message: str
    securable: str = ""
    hint: str | None = None


@frozen(kw_only=True)
class Pass:
    """A rule or check has nothing against it.

    Args:
        note: Something worth recording beside the pass.
    """

    note: str | None = None


@frozen(kw_only=True)
class Reject:
    """A rule or check refuses it.

    Args:
        message: What is wrong.
        hint: How to meet the rule.
        reasons: Further reasons, where there are several.

    Example:
        >>> Reject(message="The card has no section 'Limitations'.").message
        "The card has no section 'Limitations'."
    """

    message: str
    hint: str | None = None
    reasons: tuple[str, ...] = field(default=())


Verdict = Pass | Reject
