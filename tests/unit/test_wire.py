"""The converter is strict: nothing is coerced, nothing unknown passes, and every fault is named with its path."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from herdbook.entities import (
    AliasAssignment,
    Catalog,
    FileEntry,
    FileStat,
    ModelDescription,
    Page,
    Principal,
    VersionStatus,
)
from herdbook.entities.governance import EffectiveGrant
from herdbook.entities.ledger import AuditRow
from herdbook.errors import InvalidArgumentError
from herdbook.names import CatalogName, ModelName, PrincipalName, VersionRef
from herdbook.verdicts import Allowed, Decision, Denied, Pass, Privilege, Reject, SecurableKind, Sight, Verdict
from herdbook.wire import MOST_FAULTS, converter, from_json, structure, to_json

GOOD: dict[str, Any] = {"alias": "champion", "version": 3, "valid_from": "2026-01-01T00:00:00Z", "set_by": "user:a"}


def faults_of(data: Any, kind: Any) -> list[str]:
    with pytest.raises(InvalidArgumentError) as caught:
        structure(data, kind)
    return list(caught.value.details.get("faults", [str(caught.value)]))


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("version", True, "expected a whole number, not True @ $.version"),
        ("version", "7", "expected a whole number, not '7' @ $.version"),
        ("version", 7.0, "expected a whole number, not 7.0 @ $.version"),
        ("version", None, "expected a whole number, not None @ $.version"),
        ("alias", 7, "expected text, not 7 @ $.alias"),
        ("alias", ["a"], "expected text, not ['a'] @ $.alias"),
        ("reason", 0, "expected text, not 0 @ $.reason"),
        ("valid_from", 1767225600, "expected text, not 1767225600 @ $.valid_from"),
    ],
)
def test_nothing_is_coerced(key: str, value: Any, fault: str) -> None:
    """A value of another type is a fault, however easily it could be turned into the right one."""
    assert faults_of({**GOOD, key: value}, AliasAssignment) == [fault]


def test_a_whole_number_is_no_truth_value() -> None:
    """1 is not true, and 'true' is not either."""
    base = {"id": "p", "name": "user:a", "created_at": "2026-01-01T00:00:00Z"}
    for value in (1, 0, "true", None):
        assert faults_of({**base, "enabled": value}, Principal) == [
            f"expected true or false, not {value!r} @ $.enabled"
        ]


def test_unknown_keys_are_named_with_the_known_ones() -> None:
    """An unknown key is refused, and the fault says which keys there are."""
    (fault,) = faults_of({**GOOD, "verison": 3}, AliasAssignment)
    assert fault.startswith("unknown key 'verison' (known: alias, version, valid_from,")
    assert fault.endswith("@ $")


def test_unknown_keys_are_found_at_any_depth() -> None:
    """The path leads into lists and objects."""
    entry = {"path": "a", "size": 1, "sha256": "0" * 64}
    (fault,) = faults_of({"items": [entry, {**entry, "mode": 1}]}, Page[FileEntry])
    assert fault.startswith("unknown key 'mode'")
    assert fault.endswith("@ $.items[1]")


def test_all_faults_are_listed_at_once() -> None:
    """Whoever mends the first fault does not meet the second one only then."""
    faults = faults_of({"alias": 1, "version": "3", "valid_from": "soon", "colour": "red"}, AliasAssignment)
    places = [fault.rpartition(" @ ")[2] for fault in faults]
    assert sorted(places) == ["$", "$.alias", "$.set_by", "$.valid_from", "$.version"]
    assert "required key is missing @ $.set_by" in faults


class Counted(list[Any]):
    """A list that knows how many of its items were looked at."""

    seen = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self.seen += 1
            yield item


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b'{"path": "a", "size": 1, "path": "b"}', "the key 'path' stands twice"),
        (b'{"path": "a", "size": 1, "sha256": {"x": 1, "x": 1}}', "the key 'x' stands twice"),
        ('{"path": "a", "size": 1}'.encode("utf-16"), "is not JSON"),
        ('{"path": "a", "size": 1}'.encode("utf-8-sig"), "is not JSON"),
    ],
)
def test_json_has_one_reading(text: bytes, fault: str) -> None:
    """A key stands once, and text is UTF-8: who reads it before us and who reads it after us see the same."""
    with pytest.raises(InvalidArgumentError, match=fault):
        from_json(text, FileStat)


def test_of_very_many_faults_the_first_are_told() -> None:
    """Each one costs memory until all is read, so a body that is wrong a million times is given up early."""
    many = Counted([1] * 10_000)
    faults = faults_of(many, tuple[str, ...])
    assert len(faults) == MOST_FAULTS
    assert many.seen < 2 * MOST_FAULTS
    assert len(faults_of({str(number): number for number in range(10_000)}, dict[str, str])) == MOST_FAULTS


def test_a_fault_does_not_repeat_a_large_value() -> None:
    """What was sent is shown as far as a person reads."""
    (fault,) = faults_of({**GOOD, "alias": ["x" * 1_000_000]}, AliasAssignment)
    assert len(fault) < 2_000
    assert fault.endswith("... @ $.alias")
    (fault,) = faults_of({**GOOD, **{f"key {number:06}": 1 for number in range(10_000)}}, AliasAssignment)
    assert fault.startswith("unknown key 'key 000000', 'key 000001', ")
    assert " and 9990 more (known: alias," in fault
    assert len(faults_of(["x" * 1_000_000], AliasAssignment)[0]) < 2_000


def test_faults_of_a_list_are_listed_with_positions() -> None:
    """Each bad item of a list and each bad value of a mapping is named."""
    assert faults_of([1, "a", None], tuple[str, ...]) == [
        "expected text, not 1 @ $[0]",
        "expected text, not None @ $[2]",
    ]
    assert faults_of({"a": 1, "b": "x", "c": []}, dict[str, str]) == [
        "expected text, not 1 @ $['a']",
        "expected text, not [] @ $['c']",
    ]


@pytest.mark.parametrize("data", [[], None, "x", 1, True])
@pytest.mark.parametrize("kind", [ModelDescription, Page[Catalog], AliasAssignment, dict[str, str]])
def test_an_object_is_demanded_where_one_belongs(data: Any, kind: Any) -> None:
    """JSON of another shape is a fault of the value, never a defect of ours."""
    assert faults_of(data, kind) == [f"the value is not acceptable: expected an object, not {data!r}."]


def test_text_is_no_list_of_letters() -> None:
    """A text where a list or a set belongs is refused."""
    for kind in (tuple[str, ...], frozenset[str]):
        assert faults_of("ab", kind) == ["the value is not acceptable: expected a list, not 'ab'."]


def test_numbers_that_json_lacks_are_refused() -> None:
    """Neither NaN nor infinity comes in, and none goes out."""
    for text in ("NaN", "Infinity", "-Infinity", "1e999"):
        with pytest.raises(InvalidArgumentError, match="expected a number"):
            from_json(text, float)
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(float("nan"))


def test_enums_are_members_by_value() -> None:
    """A member's value gives the member itself; names, other cases and other words do not."""
    assert structure("READY", VersionStatus) is VersionStatus.READY
    for wrong in ("ready", "Ready", "DONE", "", 1, None, ["READY"]):
        with pytest.raises(InvalidArgumentError):
            structure(wrong, VersionStatus)
    (fault,) = faults_of("DONE", VersionStatus)
    assert "'DONE' is none of PENDING_REGISTRATION, READY, FAILED_REGISTRATION, QUARANTINED" in fault


def test_names_are_parsed_not_trusted() -> None:
    """A malformed name is a fault with its path, and a name of another kind is none of the kind asked for."""
    with pytest.raises(InvalidArgumentError, match="not the name of a registered model"):
        structure("prod.fraud", ModelName)
    with pytest.raises(InvalidArgumentError, match="expected text"):
        structure({"catalog": "prod"}, CatalogName)
    assert structure("models:/a.b.c/1", VersionRef) == VersionRef.parse("a.b.c/1")
    base = {"id": "p", "created_at": "2026-01-01T00:00:00Z"}
    (fault,) = faults_of({**base, "name": "boss:a"}, Principal)
    assert fault.endswith("@ $.name")
    assert structure({**base, "name": "role:x"}, Principal).name == PrincipalName.parse("role:x")


def test_decisions_and_verdicts_carry_their_tag() -> None:
    """A union's member is told by its tag, and a missing or unknown tag is refused."""
    denied = Denied(
        privilege=Privilege.EXECUTE, kind=SecurableKind.CATALOG, securable="prod", sight=Sight.HIDDEN, revision=4
    )
    for value, kind in ((denied, Decision), (Allowed(because="x", revision=1), Decision), (Pass(), Verdict)):
        plain = converter.unstructure(value, unstructure_as=kind)
        assert structure(plain, kind) == value
    for wrong in ({"verdict": "MAYBE", "message": "x"}, {"message": "x"}):
        with pytest.raises(InvalidArgumentError):
            structure(wrong, Verdict)
    assert structure({"verdict": "REJECT", "message": "x"}, Verdict) == Reject(message="x")


def test_bytes_travel_as_base64() -> None:
    """Bytes are base64 text; anything else is refused."""
    row = AuditRow(
        id="1",
        at_ms=1,
        principal_id="p",
        operation="grant",
        securable_kind=SecurableKind.CATALOG,
        securable_id="c",
        payload=b"\x00\xff",
        sha256="0" * 64,
    )
    assert b'"payload":"AP8="' in to_json(row)
    assert from_json(to_json(row), AuditRow) == row
    for wrong in ("A", "AP8=\n", "é", 3, [0, 255]):
        with pytest.raises(InvalidArgumentError):
            structure(wrong, bytes)


def test_an_optional_securable_may_be_missing_null_or_text() -> None:
    """`inherited_from` is a name or null."""
    grant = {"id": "g", "principal": "user:a", "securable": "prod.fraud", "privilege": "EXECUTE"}
    assert structure({"grant": grant}, EffectiveGrant).inherited_from is None
    made = structure({"grant": grant, "inherited_from": "prod"}, EffectiveGrant)
    assert made.inherited_from == CatalogName.parse("prod")
    (fault,) = faults_of({"grant": grant, "inherited_from": 3}, EffectiveGrant)
    assert fault == "expected text, not 3 @ $.inherited_from"


@pytest.mark.parametrize("text", ["", "{", b"\xff", "[" * 100_000, "{'a': 1}"])
def test_what_is_no_json_is_said_so(text: str | bytes) -> None:
    """Broken and hostile JSON is InvalidArgumentError that says what was read."""
    with pytest.raises(InvalidArgumentError, match=r"^the body is not JSON: "):
        from_json(text, AliasAssignment, what="the body")


def test_times_are_written_in_utc_milliseconds() -> None:
    """A time with another offset is written in UTC, cut to milliseconds."""
    value = structure({**GOOD, "valid_from": "2026-01-01T01:00:00.123456+01:00"}, AliasAssignment)
    assert value.valid_from == datetime(2026, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)
    assert b'"valid_from":"2026-01-01T00:00:00.123Z"' in to_json(value)


def test_a_page_says_what_its_items_say() -> None:
    """Also where nobody said of what it is."""
    file = FileEntry(path="a", size=1, sha256="a" * 64)
    plain = converter.unstructure(Page(items=(file,)))
    assert plain == {"items": [converter.unstructure(file)], "next_page_token": None}
    assert b'"path":"a"' in to_json(Page(items=(file,)))
