"""The native route table: for each verb of the port its method and path; everything else is derived from the port."""

from __future__ import annotations

from attrs import frozen

from herdbook.verdicts import Operation

PREFIX = "/api/v1"
BODY_LIMIT = 1024 * 1024
"""Bytes of JSON that a request may bring."""
LIST_LIMIT = 32 * 1024 * 1024
"""Bytes of JSON where the request lists up to 100,000 files, or brings policy files."""


@frozen(kw_only=True)
class Route:
    """One way to call a verb.

    Args:
        method: The HTTP method.
        path: Below the prefix. `{argument}` is one segment; `{argument.part}` is a part of a reference, which several
            segments spell; `{argument...}` is the rest of the path; `:action` after a segment is no part of the value.
        operation: The verb.
        status: The status of its answer; 204 where it answers nothing.
        body_limit: Bytes of JSON that a request may bring.
        raw: The bytes of a file travel as they are, and not in JSON; `server/native/files.py` has these.
        way: The port's method, where that is another way to do what the operation is; None: it is the verb itself.
        moves: Whether its work goes at the pace of bytes.
    """

    method: str
    path: str
    operation: Operation
    status: int = 200
    body_limit: int = BODY_LIMIT
    raw: bool = False
    way: str | None = None
    moves: bool = False

    @property
    def verb(self) -> str:
        """The method of the port that is called."""
        return self.way or self.operation.value


def _route(method: str, path: str, operation: Operation, status: int = 200, limit: int = BODY_LIMIT) -> Route:
    return Route(method=method, path=path, operation=operation, status=status, body_limit=limit)


_Op = Operation
_VERSION = "/models/{ref.model}/versions/{ref.version}"
_ALIAS = "/models/{ref.model}/aliases/{ref.alias}"
_FILE = _VERSION + "/files/{path...}"
_MADE = 201
_NOTHING = 204

ROUTES: tuple[Route, ...] = (
    _route("POST", "/catalogs", _Op.CREATE_CATALOG, _MADE),
    _route("GET", "/catalogs", _Op.LIST_CATALOGS),
    _route("GET", "/catalogs/{name}", _Op.GET_CATALOG),
    _route("PATCH", "/catalogs/{name}", _Op.UPDATE_CATALOG),
    _route("DELETE", "/catalogs/{name}", _Op.DELETE_CATALOG, _NOTHING),
    _route("POST", "/catalogs/{name}:rename", _Op.RENAME_CATALOG),
    _route("POST", "/schemas", _Op.CREATE_SCHEMA, _MADE),
    _route("GET", "/schemas", _Op.LIST_SCHEMAS),
    _route("GET", "/schemas/{name}", _Op.GET_SCHEMA),
    _route("PATCH", "/schemas/{name}", _Op.UPDATE_SCHEMA),
    _route("DELETE", "/schemas/{name}", _Op.DELETE_SCHEMA, _NOTHING),
    _route("POST", "/schemas/{name}:rename", _Op.RENAME_SCHEMA),
    _route("POST", "/models", _Op.CREATE_REGISTERED_MODEL, _MADE),
    _route("GET", "/models", _Op.LIST_REGISTERED_MODELS),
    _route("GET", "/models:search", _Op.SEARCH_REGISTERED_MODELS),
    _route("GET", "/models/{name}", _Op.GET_REGISTERED_MODEL),
    _route("PATCH", "/models/{name}", _Op.UPDATE_REGISTERED_MODEL),
    _route("DELETE", "/models/{name}", _Op.DELETE_REGISTERED_MODEL, _NOTHING),
    _route("POST", "/models/{name}:rename", _Op.RENAME_REGISTERED_MODEL),
    _route("POST", "/models/{name}:plan-upload", _Op.UPLOAD_PLAN, limit=LIST_LIMIT),
    _route("PUT", "/models/{name}/tags/{key}", _Op.SET_REGISTERED_MODEL_TAG, _NOTHING),
    _route("DELETE", "/models/{name}/tags/{key}", _Op.DELETE_REGISTERED_MODEL_TAG, _NOTHING),
    _route("POST", "/models/{name}/versions", _Op.CREATE_MODEL_VERSION, _MADE, LIST_LIMIT),
    _route("GET", "/models/{name}/versions", _Op.LIST_MODEL_VERSIONS),
    _route("GET", "/versions:search", _Op.SEARCH_MODEL_VERSIONS),
    _route("GET", _VERSION, _Op.GET_MODEL_VERSION),
    _route("PATCH", _VERSION, _Op.UPDATE_MODEL_VERSION),
    _route("DELETE", _VERSION, _Op.DELETE_MODEL_VERSION, _NOTHING),
    _route("POST", _VERSION + ":finalize", _Op.FINALIZE_MODEL_VERSION, limit=LIST_LIMIT),
    _route("POST", _VERSION + ":release", _Op.RELEASE_MODEL_VERSION),
    _route("POST", _VERSION.replace("ref.", "source.") + ":copy", _Op.COPY_MODEL_VERSION, _MADE),
    _route("GET", _VERSION + "/files", _Op.LIST_MODEL_VERSION_FILES),
    Route(method="GET", path=_FILE, operation=_Op.READ_MODEL_VERSION_FILE, raw=True),
    Route(method="PUT", path=_FILE, operation=_Op.UPLOAD_MODEL_VERSION_FILES, raw=True),
    _route("PUT", _VERSION + "/tags/{key}", _Op.SET_MODEL_VERSION_TAG, _NOTHING),
    _route("DELETE", _VERSION + "/tags/{key}", _Op.DELETE_MODEL_VERSION_TAG, _NOTHING),
    _route("GET", "/models/{name}/aliases", _Op.LIST_REGISTERED_MODEL_ALIASES),
    _route("GET", _ALIAS, _Op.GET_MODEL_VERSION_BY_ALIAS),
    _route("PUT", _ALIAS, _Op.SET_REGISTERED_MODEL_ALIAS),
    _route("DELETE", _ALIAS, _Op.DELETE_REGISTERED_MODEL_ALIAS, _NOTHING),
    _route("GET", _ALIAS + "/history", _Op.LIST_ALIAS_HISTORY),
    _route("GET", "/models/{name}/approvals", _Op.LIST_APPROVALS),
    _route("POST", "/approvals:request", _Op.REQUEST_APPROVAL, _MADE),
    _route("POST", "/approvals:give", _Op.APPROVE),
    _route("GET", "/trash", _Op.LIST_DELETED),
    _route("POST", "/trash/catalogs/{catalog_id}:restore", _Op.RESTORE_CATALOG),
    _route("DELETE", "/trash/catalogs/{catalog_id}", _Op.PURGE_CATALOG, _NOTHING),
    _route("POST", "/trash/schemas/{schema_id}:restore", _Op.RESTORE_SCHEMA),
    _route("DELETE", "/trash/schemas/{schema_id}", _Op.PURGE_SCHEMA, _NOTHING),
    _route("POST", "/trash/models/{model_id}:restore", _Op.RESTORE_REGISTERED_MODEL),
    _route("DELETE", "/trash/models/{model_id}", _Op.PURGE_REGISTERED_MODEL, _NOTHING),
    _route("POST", "/trash" + _VERSION + ":restore", _Op.RESTORE_MODEL_VERSION),
    _route("DELETE", "/trash" + _VERSION, _Op.PURGE_MODEL_VERSION, _NOTHING),
    _route("PUT", "/owners/{securable}", _Op.TRANSFER_OWNERSHIP, _NOTHING),
    _route("POST", "/grants", _Op.GRANT, _MADE),
    _route("GET", "/grants", _Op.LIST_GRANTS),
    _route("DELETE", "/grants", _Op.REVOKE),
    _route("POST", "/denials", _Op.DENY, _MADE),
    _route("DELETE", "/denials", _Op.LIFT_DENY),
    _route("GET", "/effective-grants", _Op.LIST_EFFECTIVE_GRANTS),
    _route("GET", "/explain", _Op.EXPLAIN),
    _route("GET", "/who-can", _Op.WHO_CAN),
    _route("GET", "/what-can", _Op.WHAT_CAN),
    _route("GET", "/whoami", _Op.GET_CURRENT_PRINCIPAL),
    _route("POST", "/principals", _Op.CREATE_PRINCIPAL, _MADE),
    _route("GET", "/principals", _Op.LIST_PRINCIPALS),
    _route("GET", "/principals/{name}", _Op.GET_PRINCIPAL),
    _route("PATCH", "/principals/{name}", _Op.UPDATE_PRINCIPAL),
    _route("DELETE", "/principals/{name}", _Op.DELETE_PRINCIPAL, _NOTHING),
    _route("GET", "/principals/{group}/members", _Op.LIST_MEMBERS),
    _route("PUT", "/principals/{group}/members/{member}", _Op.ADD_MEMBER, _NOTHING),
    _route("DELETE", "/principals/{group}/members/{member}", _Op.REMOVE_MEMBER, _NOTHING),
    _route("POST", "/tokens", _Op.CREATE_TOKEN, _MADE),
    _route("GET", "/tokens", _Op.LIST_TOKENS),
    _route("DELETE", "/tokens/{token_id}", _Op.REVOKE_TOKEN, _NOTHING),
    _route("GET", "/rules", _Op.GET_EFFECTIVE_RULES),
    _route("GET", "/policies", _Op.GET_POLICIES),
    _route("PUT", "/policies", _Op.APPLY_POLICIES, limit=LIST_LIMIT),
    _route("POST", "/policies:check", _Op.CHECK_POLICIES, limit=LIST_LIMIT),
    _route("POST", "/policies:diff", _Op.DIFF_POLICIES, limit=LIST_LIMIT),
    _route("POST", "/policies:test", _Op.TEST_POLICIES, limit=LIST_LIMIT),
    _route("POST", "/policies:rebind", _Op.REBIND_POLICY_NAME),
    _route("GET", "/audit-events", _Op.LIST_AUDIT_EVENTS),
    _route("POST", "/webhooks", _Op.CREATE_WEBHOOK, _MADE),
    _route("GET", "/webhooks", _Op.LIST_WEBHOOKS),
    _route("GET", "/webhooks/{webhook_id}", _Op.GET_WEBHOOK),
    _route("PATCH", "/webhooks/{webhook_id}", _Op.UPDATE_WEBHOOK),
    _route("DELETE", "/webhooks/{webhook_id}", _Op.DELETE_WEBHOOK, _NOTHING),
    _route("POST", "/webhooks/{webhook_id}:test", _Op.TEST_WEBHOOK),
    _route("POST", "/artifacts:sweep", _Op.SWEEP_ARTIFACTS),
)

BUNDLES: tuple[Route, ...] = (
    Route(method="POST", path=_VERSION + "/files", operation=_Op.UPLOAD_MODEL_VERSION_FILES, raw=True),
    Route(method="POST", path=_VERSION + "/files:read", operation=_Op.READ_MODEL_VERSION_FILE, raw=True),
)
"""Second ways in to two verbs, for many small files in one body (`api/files.py` has the format)."""

DIRECT: tuple[Route, ...] = (
    Route(
        method="PUT",
        path=_VERSION + "/file-parts/{path...}",
        operation=_Op.UPLOAD_MODEL_VERSION_FILES,
        way="stage_model_version_file",
        raw=True,
    ),
    Route(
        method="POST",
        path=_VERSION + "/files:take-in",
        operation=_Op.UPLOAD_MODEL_VERSION_FILES,
        way="take_in_model_version_file",
        moves=True,
    ),
    Route(
        method="GET",
        path=_VERSION + "/file-locations/{path...}",
        operation=_Op.READ_MODEL_VERSION_FILE,
        way="locate_model_version_file",
    ),
)
"""Ways to the same two verbs, by staging: part by part, or straight to and from the artifact store."""
