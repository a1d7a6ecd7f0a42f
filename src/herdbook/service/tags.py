"""Tags, governed."""

from __future__ import annotations

from typing import TypeVar

from herdbook.entities import RegisteredModel, VersionStatus
from herdbook.errors import ConcurrentUpdateError, NotFoundError
from herdbook.policy.facts import TagHolder
from herdbook.policy.limits import check_tag
from herdbook.ports.metadata import Stamp, VersionRow, WriteTransaction
from herdbook.ports.registry import ModelLike, Tags, VersionLike
from herdbook.service import subjects
from herdbook.service.gate import Admitted, Outcome, Subject
from herdbook.service.ledger import Happened
from herdbook.service.part import GovernedPart
from herdbook.service.sight import ensure_shown
from herdbook.service.tagging import refuse_tags
from herdbook.verdicts import Operation

T = TypeVar("T", RegisteredModel, VersionRow)


class GovernedTags(GovernedPart, Tags):
    """The verbs over tags."""

    def set_registered_model_tag(self, name: ModelLike, key: str, value: str, *, reason: str | None = None) -> None:
        """Set a tag of a registered model."""
        subject = subjects.model(subjects.model_name(name))
        self._change_tag(Operation.SET_REGISTERED_MODEL_TAG, subject, key, value, reason)

    def delete_registered_model_tag(
        self, name: ModelLike, key: str, *, expected_value: str | None = None, reason: str | None = None
    ) -> None:
        """Delete a tag of a registered model."""
        subject = subjects.model(subjects.model_name(name))
        self._change_tag(Operation.DELETE_REGISTERED_MODEL_TAG, subject, key, None, reason, expected_value)

    def set_model_version_tag(self, ref: VersionLike, key: str, value: str, *, reason: str | None = None) -> None:
        """Set a tag of a version."""
        subject = subjects.version(subjects.version_ref(ref))
        self._change_tag(Operation.SET_MODEL_VERSION_TAG, subject, key, value, reason)

    def delete_model_version_tag(
        self, ref: VersionLike, key: str, *, expected_value: str | None = None, reason: str | None = None
    ) -> None:
        """Delete a tag of a version."""
        subject = subjects.version(subjects.version_ref(ref))
        self._change_tag(Operation.DELETE_MODEL_VERSION_TAG, subject, key, None, reason, expected_value)

    def _change_tag(
        self,
        operation: Operation,
        subject: Subject[T],
        key: str,
        value: str | None,
        reason: str | None,
        expected_value: str | None = None,
    ) -> None:
        setting = operation in (Operation.SET_REGISTERED_MODEL_TAG, Operation.SET_MODEL_VERSION_TAG)
        check_tag(key, value if setting else "")  # type: ignore[arg-type]  # check_tag refuses None itself

        def body(tx: WriteTransaction, admitted: Admitted[T], stamp: Stamp) -> Outcome[None]:
            found: RegisteredModel | VersionRow = self._core.gate.present(admitted, subject)
            kind, owner_id, detail = TagHolder.MODEL, admitted.chain.object.id, {"key": key}
            if isinstance(found, VersionRow):
                ensure_shown(self._core, self._caller, found, admitted.chain, subject.what, tx)
                kind, owner_id = TagHolder.VERSION, found.version.id
                detail["version"] = str(found.version.version)
            tags = found.version.tags if isinstance(found, VersionRow) else found.tags
            if expected_value is not None and tags.get(key, expected_value) != expected_value:
                raise ConcurrentUpdateError(
                    f"The tag {key!r} of {subject.what} has another value.", hint="Read it again and repeat."
                )
            if not setting and key not in tags:
                raise NotFoundError(f"The {subject.what} has no tag {key!r}.")
            refuse_tags(
                self._core,
                self._caller,
                tx,
                admitted.chain,
                kind,
                {key: value},
                what=f"the {subject.what}",
                admitted=_is_admitted(found),
            )
            if value is None:
                tx.delete_tag(kind, owner_id, key, stamp)
            else:
                tx.set_tag(kind, owner_id, key, value, stamp)
                detail["value"] = value
            event = f"{kind}_tag.{'set' if setting else 'deleted'}"
            return Outcome(result=None, happened=Happened(on=admitted.chain.object, event=event, detail=detail))

        self._core.gate.change(self._caller, operation, subject, body, reason=reason)


def _is_admitted(found: RegisteredModel | VersionRow) -> bool:
    if isinstance(found, VersionRow):
        return found.version.status in (VersionStatus.READY, VersionStatus.QUARANTINED)
    return found.latest_version is not None
