"""The native HTTP interface as data: routes, what the port says of each, and how errors travel."""

from herdbook.api.endpoints import (
    BY_OPERATION,
    ENDPOINTS,
    IDEMPOTENCY_HEADER,
    LOCATE,
    READ_MANY,
    STAGE,
    TAKE_IN,
    UPLOAD_MANY,
    WAYS,
    Argument,
    Endpoint,
    Place,
)
from herdbook.api.problems import MEDIA_TYPE, from_problem, to_problem
from herdbook.api.routes import PREFIX, Route

__all__ = [
    "BY_OPERATION",
    "ENDPOINTS",
    "IDEMPOTENCY_HEADER",
    "LOCATE",
    "MEDIA_TYPE",
    "PREFIX",
    "READ_MANY",
    "STAGE",
    "TAKE_IN",
    "UPLOAD_MANY",
    "WAYS",
    "Argument",
    "Endpoint",
    "Place",
    "Route",
    "from_problem",
    "to_problem",
]
