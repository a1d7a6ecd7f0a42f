"""The verbs over model versions: registration in three steps, reading, and life afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from herdbook.entities import FileEntry, Lineage, Manifest, ModelVersion, Page, StagedParts, UploadPlan
from herdbook.entities.files import FileStat
from herdbook.ports.artifacts import Progress
from herdbook.ports.registry.base import AnyVersionLike, ModelLike, RegistryPart, VersionLike
from herdbook.ports.registry.uploads import FileUpload
from herdbook.verdicts import Operation


class ModelVersions(RegistryPart):
    """Model versions: numbered, immutable in their bytes, never reused."""

    def upload_plan(
        self, name: ModelLike, files: Sequence[FileStat], *, version: int | None = None, direct: bool = False
    ) -> UploadPlan:
        """Say what is wanted of files that the caller means to register.

        Args:
            name: The registered model that they are for.
            files: The files; give a digest where it is known.
            version: A pending version of the caller's, whose upload goes on: what was sent for it counts as held.
            direct: Ask for the ways of this version's large files too: URLs by which their bytes are put straight to
                where they are kept, in the next few minutes, for the caller alone; or how far they have come part by
                part.

        Returns:
            For each file: nothing (a version that the caller may execute holds it, R26), its digest (one of the same
            size is held), or its bytes.

        Raises:
            InvalidArgumentError: ways are asked for, and no version is named.
            NotFoundError: there is no such model that the caller may know of.
            TooLargeError: these are more files, or more bytes, than a version may hold here.
            PermissionDeniedError: the caller lacks CREATE_MODEL_VERSION on it.

        Example:
            >>> from herdbook.entities import FileStat
            >>> plan = registry.upload_plan("main.default.iris", [FileStat(path="weights.bin", size=10_000_000)])
            >>> plan.slots[0].need.value
            'bytes'
        """
        raise self._unsupported(Operation.UPLOAD_PLAN)

    def create_model_version(
        self,
        name: ModelLike,
        *,
        manifest: Manifest | None = None,
        comment: str | None = None,
        tags: Mapping[str, str] | None = None,
        lineage: Lineage | None = None,
        number: int | None = None,
        idempotency_key: str | None = None,
    ) -> ModelVersion:
        """Begin a version, or with a manifest whose files are all held, make it in one step.

        Args:
            name: The registered model.
            manifest: Its files, where their digests are known. If the caller may execute versions that hold all of
                them and no plugin's check applies, the version is judged and READY when this returns.
            comment: Markdown.
            tags: Tags to set on it.
            lineage: Where it came from.
            number: Its number, above every number that the model has had, whoever had it; the numbers that are
                skipped stay unused. None: the next one.
            idempotency_key: A repeated call with the same key and arguments returns the same version.

        Returns:
            The version, READY or PENDING_REGISTRATION.

        Raises:
            InvalidArgumentError: an argument is not acceptable.
            NotFoundError: there is no such model, or no such parent version, that the caller may know of.
            TooLargeError: these are more files, or more bytes, than a version may hold here.
            PermissionDeniedError: the caller lacks CREATE_MODEL_VERSION on the model, EXECUTE on a parent,
                APPLY_TAG where tags are given, or MANAGE on the model where a number is given.
            RuleViolationError: a rule refuses it; nothing was made.
            ConflictError: the number is not free, or the key was used for another request.

        Example:
            >>> registry.create_model_version("main.default.iris", comment="second try").status.value
            'PENDING_REGISTRATION'
        """
        raise self._unsupported(Operation.CREATE_MODEL_VERSION)

    def upload_model_version_files(
        self, ref: VersionLike, files: Sequence[FileUpload], *, progress: Progress | None = None
    ) -> tuple[FileEntry, ...]:
        """Take in files of a pending version; sent again, a path is replaced.

        Args:
            ref: The version.
            files: Open files with what is expected of each.
            progress: Called with the number of bytes that have just been taken in.

        Returns:
            What was stored, in the order given: sizes and digests as the registry computed them.

        Raises:
            NotFoundError: there is no such version that the caller may know of.
            TooLargeError: these are more files, or more bytes, than a version may hold here.
            PermissionDeniedError: the caller did not begin this version, or lacks CREATE_MODEL_VERSION on the model.
            ConflictError: the version is not pending.
            IntegrityError: a file is not what was announced.
        """
        raise self._unsupported(Operation.UPLOAD_MODEL_VERSION_FILES)

    def stage_model_version_file(
        self,
        ref: VersionLike,
        upload: FileUpload,
        *,
        offset: int,
        length: int,
        sha256: str | None = None,
        progress: Progress | None = None,
    ) -> StagedParts:
        """Keep parts of a large file of a pending version, until all are there for `take_in_model_version_file`.

        Parts that are whole when this breaks off are held, and only the rest is sent again: `upload_plan` says which.
        Nobody else can send, or take in, what belongs to this file.

        Args:
            ref: The version.
            upload: The whole file, and a source of these parts alone, which follow one another.
            offset: Where the first part begins, in bytes.
            length: Bytes of all these parts: as many as `upload_plan` says each has, and fewer only at the file's end.
            sha256: The digest of these parts, where they are proved now; the file is proved as a whole in any case.
            progress: Called with the number of bytes that have just been taken in.

        Returns:
            What is held of the file now.

        Raises:
            NotFoundError: there is no such version that the caller may know of.
            InvalidArgumentError: these are no whole parts of the file, or it is small enough to be sent whole.
            TooLargeError: these are more files, or more bytes, than a version may hold here.
            PermissionDeniedError: the caller did not begin this version, or lacks CREATE_MODEL_VERSION on the model.
            ConflictError: the version is not pending, or one of the parts is held.
            IntegrityError: more or fewer bytes came, or they have another digest.
            UnavailableError: one of the parts is being sent on another connection.
            UnsupportedError: this registry takes no parts.
        """
        raise self._unsupported(Operation.UPLOAD_MODEL_VERSION_FILES)

    def take_in_model_version_file(self, ref: VersionLike, file: FileStat) -> FileEntry:
        """Take in a file of a pending version that the caller has put where `upload_plan` said.

        What stands there, whole or in parts, is a file of the version only if it has the given size and digest.

        Args:
            ref: The version.
            file: The file, with its digest.

        Returns:
            What was stored.

        Raises:
            NotFoundError: there is no such version that the caller may know of.
            InvalidArgumentError: the digest is not given.
            TooLargeError: these are more files, or more bytes, than a version may hold here.
            PermissionDeniedError: the caller did not begin this version, or lacks CREATE_MODEL_VERSION on the model.
            ConflictError: the version is not pending, or nothing was put there, or parts of the file are missing.
            IntegrityError: what was put there is something else; parts of the file are dropped.
            UnsupportedError: this registry has no such places.
        """
        raise self._unsupported(Operation.UPLOAD_MODEL_VERSION_FILES)

    def finalize_model_version(self, ref: VersionLike, manifest: Manifest) -> ModelVersion:
        """Judge a pending version and make it READY; repeating it with the same manifest changes nothing.

        Args:
            ref: The version.
            manifest: All its files: sent for this version, or held by versions that the caller may execute.

        Returns:
            The version, READY or QUARANTINED.

        Raises:
            NotFoundError: there is no such version that the caller may know of.
            TooLargeError: these are more files, or more bytes, than a version may hold here.
            PermissionDeniedError: the caller did not begin this version, lacks CREATE_MODEL_VERSION on the model, or
                EXECUTE on a parent.
            InvalidArgumentError: a file of the manifest was neither sent nor is held.
            RuleViolationError: rules or checks refuse it (all of them are listed); it is FAILED_REGISTRATION now.
            ConflictError: it was finalized with another manifest, or has failed.
            ConcurrentUpdateError: somebody else is finalizing it.
            UnavailableError: a check gave no verdict in time; the version is still pending.
        """
        raise self._unsupported(Operation.FINALIZE_MODEL_VERSION)

    def copy_model_version(
        self,
        source: VersionLike,
        target: ModelLike,
        *,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        reason: str | None = None,
    ) -> ModelVersion:
        """Make a new version of a model from a version of another, without moving bytes (R26).

        Comment and lineage come with it, and the source becomes its parent. Tags do not: what was said of the source
        in its place need not be true of the copy, and setting a tag is a right of its own.

        Args:
            source: What to copy.
            target: The model that gets the version; made if it is missing.
            tags: Tags to set on the copy.
            idempotency_key: A repeated call with the same key and arguments returns the same version.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: the source or the target's schema does not exist for the caller.
            PermissionDeniedError: the caller lacks EXECUTE on the source, CREATE_MODEL_VERSION on the target,
                CREATE_MODEL where the target is new, or APPLY_TAG where tags are given.
            ConflictError: the source is not READY.
            RuleViolationError: a rule of the target refuses it.

        Example:
            >>> copy = registry.copy_model_version("main.default.iris/1", "main.default.iris_copy")
            >>> (str(copy.ref), [str(parent) for parent in copy.lineage.parents])
            ('main.default.iris_copy/1', ['main.default.iris/1'])
        """
        raise self._unsupported(Operation.COPY_MODEL_VERSION)

    def get_model_version(self, ref: AnyVersionLike) -> ModelVersion:
        """Return a version.

        Args:
            ref: The version, as `CATALOG.SCHEMA.MODEL/NUMBER`, or `.../latest` for the highest READY one.

        Raises:
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks READ_METADATA on the model.

        Example:
            >>> registry.get_model_version("main.default.iris/1").status.value
            'READY'
        """
        raise self._unsupported(Operation.GET_MODEL_VERSION)

    def list_model_versions(
        self, name: ModelLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[ModelVersion]:
        """List a model's versions, the highest first: READY ones, and the caller's own of any status.

        Args:
            name: The registered model.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            NotFoundError: there is no such model that the caller may know of.
            PermissionDeniedError: the caller lacks READ_METADATA on it.
            InvalidArgumentError: the token is not of this list and caller, or max_results is out of range.

        Example:
            >>> [version.version for version in registry.list_model_versions("main.default.iris").items]
            [1]
        """
        raise self._unsupported(Operation.LIST_MODEL_VERSIONS)

    def search_model_versions(
        self,
        filter_string: str = "",
        *,
        order_by: Sequence[str] = (),
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[ModelVersion]:
        """Search the versions of the models that the caller may read: READY ones, and the caller's own of any status.

        Args:
            filter_string: A filter, such as `tags.stage = 'candidate' AND run_id = '1f2e'`; empty finds all. The
                grammar is in docs/reference/search.md.
            order_by: Fields to order by, each with an optional `ASC` or `DESC`; by name, the
                highest version first, unless said.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            InvalidArgumentError: the filter, order or token is not acceptable; the message points at the place.

        Example:
            >>> [version.version for version in registry.search_model_versions("status = 'READY'").items]
            [1]
        """
        raise self._unsupported(Operation.SEARCH_MODEL_VERSIONS)

    def update_model_version(
        self,
        ref: VersionLike,
        *,
        comment: str | None,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> ModelVersion:
        """Replace a version's comment.

        Args:
            ref: The version.
            comment: Markdown; None removes it.
            expected_row_version: Change it only if its `row_version` is this.
            reason: Why; kept in the audit log.

        Returns:
            The version as it is now.

        Raises:
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks MODIFY on the model.
            ConcurrentUpdateError: somebody changed it first.

        Example:
            >>> registry.update_model_version("main.default.iris/1", comment="first").comment
            'first'
        """
        raise self._unsupported(Operation.UPDATE_MODEL_VERSION)

    def delete_model_version(
        self, ref: VersionLike, *, expected_row_version: int | None = None, reason: str | None = None
    ) -> None:
        """Move a version to the trash; its number is never used again.

        Args:
            ref: The version.
            expected_row_version: Delete it only if its `row_version` is this.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on the model.
            RuleViolationError: an alias points to it, or a hold forbids it.

        Example:
            >>> registry.delete_registered_model_alias("main.default.iris@champion")
            >>> registry.delete_model_version("main.default.iris/1", reason="trained on the wrong data")
            >>> registry.list_model_versions("main.default.iris").items
            ()
        """
        raise self._unsupported(Operation.DELETE_MODEL_VERSION)

    def restore_model_version(self, ref: VersionLike, *, reason: str | None = None) -> ModelVersion:
        """Bring a version back from the trash under its number.

        Args:
            ref: The version.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: the trash holds none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE or CREATE_MODEL_VERSION on the model.

        Example:
            >>> registry.delete_registered_model_alias("main.default.iris@champion")
            >>> registry.delete_model_version("main.default.iris/1")
            >>> registry.restore_model_version("main.default.iris/1").status.value
            'READY'
        """
        raise self._unsupported(Operation.RESTORE_MODEL_VERSION)

    def purge_model_version(self, ref: VersionLike, *, reason: str | None = None) -> None:
        """Remove a deleted version's content for good; its row and number stay.

        Args:
            ref: The version.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: the trash holds none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on the schema.

        Example:
            >>> registry.delete_registered_model_alias("main.default.iris@champion")
            >>> registry.delete_model_version("main.default.iris/1")
            >>> registry.purge_model_version("main.default.iris/1")
            >>> registry.create_model_version("main.default.iris").version
            2
        """
        raise self._unsupported(Operation.PURGE_MODEL_VERSION)
