"""What every pre-register check keeps; for whoever writes one."""

from __future__ import annotations

import hashlib
import importlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from herdbook.entities import ModelDescription, ModelVersion, VersionStatus
from herdbook.errors import InvalidArgumentError
from herdbook.names import ModelName
from herdbook.plugins import PreRegisterCheck
from herdbook.plugins.check_runner import CandidateData, run_check, validate_params
from herdbook.verdicts import Pass, Reject


class CheckContract:
    """Override `check`, `good_files` and `bad_files`, and `params` or `description` where the check wants them."""

    @pytest.fixture
    def check(self) -> PreRegisterCheck:
        """The check."""
        raise NotImplementedError("override the fixture `check`")

    @pytest.fixture
    def params(self) -> dict[str, Any]:
        """What a rule says."""
        return {}

    @pytest.fixture
    def description(self) -> ModelDescription:
        """What the candidate's MLmodel says."""
        return ModelDescription()

    @pytest.fixture
    def good_files(self) -> dict[str, bytes]:
        """Files that pass."""
        raise NotImplementedError("override the fixture `good_files`")

    @pytest.fixture
    def bad_files(self) -> dict[str, bytes]:
        """Files that are rejected."""
        raise NotImplementedError("override the fixture `bad_files`")

    def test_the_target_can_be_imported(self, check: PreRegisterCheck) -> None:
        """`module:function` names something that can be called."""
        module, _, path = check.target.partition(":")
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
        assert callable(found)

    def test_params_are_accepted(self, check: PreRegisterCheck, params: dict[str, Any]) -> None:
        """What the rule says fits the check."""
        validate_params(check, params)

    def test_good_passes(
        self,
        check: PreRegisterCheck,
        params: dict[str, Any],
        good_files: dict[str, bytes],
        description: ModelDescription,
        tmp_path: Path,
    ) -> None:
        """What meets the check passes, in the process that it will really run in, and again when it is asked again."""
        candidate = candidate_of(good_files, tmp_path, description)
        verdict = run_check(check, candidate, params)
        assert isinstance(verdict, Pass), verdict
        assert run_check(check, candidate, params) == verdict

    def test_bad_is_rejected_with_a_reason_and_alike_each_time(
        self,
        check: PreRegisterCheck,
        params: dict[str, Any],
        bad_files: dict[str, bytes],
        description: ModelDescription,
        tmp_path: Path,
    ) -> None:
        """What does not is rejected, with a message, and the same way when it is asked again."""
        candidate = candidate_of(bad_files, tmp_path, description)
        verdict = run_check(check, candidate, params)
        assert isinstance(verdict, Reject)
        assert verdict.message
        assert "failed:" not in verdict.message
        assert run_check(check, candidate, params) == verdict

    def test_files_are_left_as_they_are(
        self,
        check: PreRegisterCheck,
        params: dict[str, Any],
        good_files: dict[str, bytes],
        bad_files: dict[str, bytes],
        description: ModelDescription,
        tmp_path: Path,
    ) -> None:
        """A check reads and never writes, whether it passes or rejects."""
        for number, files in enumerate((good_files, bad_files)):
            folder = tmp_path / str(number)
            folder.mkdir()
            candidate = candidate_of(files, folder, description)
            run_check(check, candidate, params)
            assert {path: local.read_bytes() for path, (_, _, local) in candidate.files.items()} == files
            assert len(list(folder.iterdir())) == len(files)

    def test_unknown_params_are_refused(self, check: PreRegisterCheck) -> None:
        """A rule with a param that the check does not know is refused before anything runs."""
        with pytest.raises(InvalidArgumentError):
            validate_params(check, {"no_such_param": 1})


def candidate_of(files: dict[str, bytes], folder: Path, description: ModelDescription) -> CandidateData:
    """Return a candidate with these files, written into a folder."""
    entries: dict[str, tuple[int, str, Path]] = {}
    for number, (path, data) in enumerate(files.items()):
        local = folder / f"file-{number}"
        local.write_bytes(data)
        entries[path] = (len(data), hashlib.sha256(data).hexdigest(), local)
    name, now = ModelName.parse("main.default.candidate"), datetime.now(UTC)
    version = ModelVersion(
        id="0" * 32,
        name=name,
        version=1,
        status=VersionStatus.PENDING_REGISTRATION,
        author="user:tester",
        created_at=now,
        updated_at=now,
        updated_by="user:tester",
    )
    return CandidateData(name=name, version=version, model=description, files=entries)
