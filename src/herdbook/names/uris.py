"""`models:/` URIs: what each form points to."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Self
from urllib.parse import parse_qsl

from attrs import Attribute, field, frozen

from herdbook.errors import InvalidArgumentError
from herdbook.names.securables import AliasRef, ModelName, VersionRef, check_model, strip_scheme
from herdbook.names.times import format_time, parse_time

_LOGGED_MODEL = re.compile(r"m-[A-Za-z0-9_-]{1,250}", re.ASCII)


def _in_milliseconds(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise InvalidArgumentError(f"{moment!r} is not a time with an offset.", hint="Give a UTC datetime.")
    return parse_time(format_time(moment))


@frozen(kw_only=True)
class LatestRef:
    """The highest READY version of a registered model, `prod.fraud.scorer/latest`."""

    model: ModelName = field(validator=check_model)

    def __str__(self) -> str:
        return f"{self.model}/latest"


@frozen(kw_only=True)
class LoggedModelRef:
    """A logged model, by the id that the tracking side gave it: `m-1f2e`."""

    model_id: str = field()

    @model_id.validator
    def _check(self, _: Attribute[str], value: object) -> None:
        if not isinstance(value, str) or _LOGGED_MODEL.fullmatch(value) is None:
            raise InvalidArgumentError(f"{value!r} is not the id of a logged model: it is 'm-' and its id.")

    def __str__(self) -> str:
        return self.model_id


@frozen(kw_only=True)
class ModelUri:
    """A parsed `models:/` URI.

    Args:
        ref: What it points to.
        as_of: The time (UTC) as of which an alias is resolved; None is now.
    """

    ref: VersionRef | AliasRef | LatestRef | LoggedModelRef = field()
    as_of: datetime | None = field(default=None, converter=_in_milliseconds)

    @ref.validator
    def _check_ref(self, _: Attribute[Any], value: object) -> None:
        if not isinstance(value, VersionRef | AliasRef | LatestRef | LoggedModelRef):
            raise InvalidArgumentError(f"{value!r} is not what a models URI points to.")

    @as_of.validator
    def _check_as_of(self, _: Attribute[Any], value: object) -> None:
        if value is not None and not isinstance(self.ref, AliasRef):
            raise InvalidArgumentError(f"as_of goes with an alias only, not with {self.ref}.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse every form of PRODUCT.md's table; `models:/` before it may be left out.

        Raises:
            InvalidArgumentError: it is none of the forms.

        Example:
            >>> ModelUri.parse("models:/prod.fraud.scorer@champion").ref.alias
            'champion'
        """
        body, mark, query = strip_scheme(text).partition("?")
        as_of = _parse_as_of(query, text) if mark else None
        ref: VersionRef | AliasRef | LatestRef | LoggedModelRef
        if body.startswith("models:/"):
            raise InvalidArgumentError(f"{text!r} has 'models:/' twice.", hint="Write it once.")
        if "@" in body:
            return cls(ref=AliasRef.parse(body), as_of=as_of)
        if as_of is not None:
            raise InvalidArgumentError(
                f"as_of in {text!r} goes with an alias only.", hint="Name an alias: MODEL@ALIAS."
            )
        if body.endswith("/latest"):
            ref = LatestRef(model=ModelName.parse(body.removesuffix("/latest")))
        elif "/" in body:
            ref = VersionRef.parse(body)
        elif "." not in body and _LOGGED_MODEL.fullmatch(body):
            ref = LoggedModelRef(model_id=body)
        else:
            raise InvalidArgumentError(
                f"{text!r} is not a models URI.",
                hint="Write models:/CATALOG.SCHEMA.MODEL/VERSION or models:/CATALOG.SCHEMA.MODEL@ALIAS.",
            )
        return cls(ref=ref)

    def __str__(self) -> str:
        moment = "" if self.as_of is None else f"?as_of={format_time(self.as_of)}"
        return f"models:/{self.ref}{moment}"


def _parse_as_of(query: str, text: str) -> datetime:
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    if len(pairs) != 1 or pairs[0][0] != "as_of":
        raise InvalidArgumentError(f"{text!r} has {query!r} after '?': only as_of=TIME may stand there.")
    return parse_time(pairs[0][1])
