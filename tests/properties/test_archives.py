"""Hostile archives: whatever is changed in one, it is refused, or brings in only what proves itself."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import herdbook
from herdbook.bootstrap import open_registry
from herdbook.client.archive import layout
from herdbook.client.archive.alias_history import left, moves
from herdbook.client.archive.blocks import BLOCK, END, header, padding, parse
from herdbook.client.archive.documents import read_document
from herdbook.entities import AliasAssignment
from herdbook.errors import IntegrityError, InvalidArgumentError, RegistryError
from herdbook.settings import Settings
from herdbook.testing import strategies as ours
from herdbook.testing.archive_samples import fill, members, put_together, snapshot

HOSTILE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A good archive."""
    folder = tmp_path_factory.mktemp("archive")
    with open_registry(str(folder / "source"), settings=Settings()) as registry:
        fill(registry)
        herdbook.export_archive("prod", folder / "prod.tar", registry=registry)
    return folder / "prod.tar"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A registry that is copied for each import."""
    folder = tmp_path_factory.mktemp("fresh") / "registry"
    open_registry(str(folder), settings=Settings()).close()
    return folder


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """A registry into which nothing ever gets."""
    with open_registry(str(tmp_path_factory.mktemp("untouched") / "registry"), settings=Settings()) as registry:
        yield registry


def refused(data: bytes, registry: Any) -> None:
    before = snapshot(registry)
    with tempfile.NamedTemporaryFile() as stream:
        stream.write(data)
        stream.flush()
        with pytest.raises((InvalidArgumentError, IntegrityError)):
            herdbook.import_archive(stream.name, registry=registry)
    assert snapshot(registry) == before


@HOSTILE
@given(data=st.data())
def test_no_bit_can_be_flipped(archive, untouched, data):
    """Every bit of an archive is covered: with any of them changed it is refused before anything is made."""
    whole = bytearray(archive.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    refused(bytes(whole), untouched)


@HOSTILE
@given(data=st.data())
def test_nothing_can_be_cut_off_or_put_in(archive, untouched, data):
    """An archive that is cut off anywhere, or has something put into or behind it, is refused."""
    whole = archive.read_bytes()
    position = data.draw(st.integers(0, len(whole)))
    if position < len(whole):
        refused(whole[:position], untouched)
        refused(whole[:position] + whole[position + data.draw(st.sampled_from([1, BLOCK, 2 * BLOCK])) :], untouched)
    extra = data.draw(st.sampled_from([b"\0", bytes(BLOCK), END, header("x", 0), b"x" * BLOCK]))
    refused(whole[:position] + extra + whole[position:], untouched)


@HOSTILE
@given(st.binary(max_size=4 * BLOCK))
def test_noise_is_no_archive(untouched, noise):
    """What is no archive is refused, however short."""
    refused(noise, untouched)


def written(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if "registry" not in path.relative_to(root).parts[:1]}


def import_crafted(parts: list[tuple[str, bytes]], fresh: Path) -> None:
    """Import members with a right index; only our errors may come of it, and only what proves itself may come in."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        shutil.copytree(fresh, root / "registry")
        put_together(root / "crafted.tar", parts)
        before = written(root)
        with open_registry(str(root / "registry"), settings=Settings()) as registry:
            with suppress(RegistryError):
                herdbook.import_archive(root / "crafted.tar", registry=registry)
            # Every READY version's bytes are read and hashed here.
            found = snapshot(registry)
            blobs = {data for member, data in parts if member.startswith(layout.BLOBS)}
            for told in found.values():
                if isinstance(told, tuple) and isinstance(told[-1], dict):
                    assert set(told[-1].values()) <= blobs
        assert written(root) == before


@HOSTILE
@given(data=st.data())
def test_members_cannot_be_shuffled_into_something_else(archive, fresh, data):
    """Members left out, doubled, renamed and swapped, with an index that is right, bring in nothing that is wrong."""
    parts = members(archive)
    for _ in range(data.draw(st.integers(1, 3))):
        one, other = (data.draw(st.integers(0, len(parts) - 1)) for _ in range(2))
        name, content = parts[one]
        match data.draw(st.sampled_from(["leave out", "double", "rename", "swap", "content", "move"])):
            case "leave out" if len(parts) > 2:
                del parts[one]
            case "double":
                parts.append((name, content))
            case "rename":
                parts[one] = (parts[other][0], content)
            case "swap":
                parts[one], parts[other] = (name, parts[other][1]), (parts[other][0], content)
            case "content":
                parts[one] = (name, data.draw(st.binary(max_size=40)))
            case _:
                parts.insert(other, parts.pop(one))
    import_crafted(parts, fresh)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    value[path[0]] = put(value[path[0]], path[1:], new)
    return value


@HOSTILE
@given(data=st.data())
def test_documents_cannot_lie_their_way_in(archive, fresh, data):
    """Any value of any document replaced, with an index that is right, brings in nothing that is wrong."""
    parts = members(archive)
    documents = [position for position, (name, _) in enumerate(parts) if name.endswith(".json")]
    position = data.draw(st.sampled_from(documents))
    name, content = parts[position]
    plain = json.loads(content)
    path = data.draw(st.sampled_from(places(plain)))
    hostile = ours.json_values() | st.sampled_from(
        ["../../etc/passwd", "/etc/passwd", "C:\\x", "x\0y", "READY", "prod.fraud.scorer/1", -1, 0, 2**63, 10**400, []]
    )
    plain = put(plain, path, data.draw(hostile))
    parts[position] = (name, json.dumps(plain).encode())
    import_crafted(parts, fresh)


@pytest.mark.parametrize(
    "text",
    [
        b'{"format": 1, "format": 1}',
        b'{"format": NaN}',
        b"[" * 100_000,
        b"[" * 150 + b"]" * 150,
        b'{"a":' * 150 + b"1" + b"}" * 150,
        b"\xff",
        b"",
        b"1" * 5000,
    ],
    ids=["twice", "nan", "endless", "deep list", "deep object", "utf-8", "empty", "long number"],
)
def test_json_is_strict(text):
    """A key given twice, NaN, endless nesting and what is no UTF-8 are refused in our words."""
    with pytest.raises(InvalidArgumentError, match="the thing"):
        read_document(text, dict[str, int], what="the thing")


@given(st.from_regex(r"[a-z/.0-9]{0,99}[a-z]", fullmatch=True), st.integers(0, 2**62 - 1))
def test_headers_are_read_as_any_tar_reads_them(name, size):
    """A header block says the same to us and to Python's tarfile, at any size, 8 GiB and more among them."""
    block = header(name, size)
    assert parse(block) == (name, size)
    told = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    assert (told.name, told.size, told.type) == (name, size, tarfile.REGTYPE)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_only_plain_files_are_members(untouched, tmp_path, kind, form):
    """Links, devices, folders, extended headers and long names, as tar writes them, are refused."""
    for name in ("herdbook-archive.json", "/etc/passwd", "../up", "x" * 200):
        with tarfile.open(tmp_path / "x.tar", "w", format=form) as tar:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            try:
                tar.addfile(info)
            except ValueError:
                continue  # This format has no room for such a name.
        refused((tmp_path / "x.tar").read_bytes(), untouched)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_repacked_archive_is_refused(archive, untouched, tmp_path, form):
    """Members that another tar wrote anew are not as archives have them."""
    with tarfile.open(archive) as old, tarfile.open(tmp_path / "x.tar", "w", format=form) as new:
        for info in old:
            info.mtime = 1
            new.addfile(info, io.BytesIO(old.extractfile(info).read()))
    refused((tmp_path / "x.tar").read_bytes(), untouched)


@pytest.mark.parametrize("name", ["blobs/sha256/../x", "blobs/sha256/" + "A" * 64, "x", "metadata/models/1/model.json"])
def test_only_names_of_the_format_are_members(archive, untouched, tmp_path, name):
    """A member with another name is refused, even with an index that is right."""
    put_together(tmp_path / "x.tar", [*members(archive), (name, b"{}")])
    refused((tmp_path / "x.tar").read_bytes(), untouched)


def test_sizes_are_not_believed(archive, untouched):
    """A member that claims more than there is, or more than such a member may have, is refused at its header."""
    whole = archive.read_bytes()
    for size in (len(whole), 2**40, 2**62 - 1):
        refused(header(layout.HEADER, size) + whole[BLOCK:], untouched)
        refused(header(layout.blob("0" * 64), size) + whole[BLOCK:], untouched)


def test_something_that_is_no_file_is_refused(untouched, tmp_path):
    """A folder, a pipe and a missing file are refused at once."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "nope"):
        with pytest.raises(InvalidArgumentError):
            herdbook.import_archive(path, registry=untouched)


@st.composite
def histories(draw):
    """An alias's assignments, the oldest first, as a registry makes them, and the versions that are there."""
    versions = draw(st.lists(st.integers(1, 4), max_size=6))
    start = draw(ours.moments().filter(lambda moment: moment.year < 9000))
    made: list[AliasAssignment] = []
    at = start
    for position, version in enumerate(versions):
        gap = draw(st.booleans()) or (position > 0 and versions[position - 1] == version)
        if made and not gap:
            made[-1] = evolve(made[-1], valid_to=at)
        elif made:
            made[-1] = evolve(made[-1], valid_to=at - timedelta(milliseconds=1))
        made.append(AliasAssignment(alias="a", version=version, valid_from=at, set_by="user:os/x"))
        at += timedelta(milliseconds=2)
    if made and draw(st.booleans()):
        made[-1] = evolve(made[-1], valid_to=at)
    return made, draw(st.sets(st.integers(1, 4)))


@given(histories(), st.data())
def test_an_alias_ends_where_it_ended_however_often_the_replay_stops(given_history, data):
    """The steps keep the order, end as the history ends, and a stopped replay goes on with exactly what is left."""
    history, ready = given_history
    steps = moves(history, ready)
    kept = [one.version for one in history if one.version in ready]
    assert [step.version for step in steps if step.version is not None] == kept
    was = 0
    for step in steps:
        assert step.was == was
        assert step.version != was
        was = step.version or 0
    if history:
        last = history[-1]
        assert was == (last.version if last.valid_to is None and last.version in ready else 0)
    done = data.draw(st.integers(0, len(steps)))
    here: list[AliasAssignment] = []
    for number, step in enumerate(steps[:done]):
        moment = history[0].valid_from.replace(year=1970 + number)
        if here:
            here[0] = evolve(here[0], valid_to=moment)
        if step.version is not None:
            one = AliasAssignment(
                alias="a", version=step.version, valid_from=moment, set_by="user:os/y", reason=step.reason
            )
            here.insert(0, one)
    rest = left(steps, here)
    assert rest is not None
    assert list(rest) == list(steps[done:])
    if here and rest:
        here.insert(0, evolve(here[0], reason="mine", version=99, valid_to=None))
        # Somebody moved it here: what is left to set is not set over that.
        missing = [step for step in rest if step.version is not None]
        assert left(steps, here) == (None if missing else [])


def test_digests_of_samples_are_right(archive):
    """The helper that puts archives together makes the very bytes that the exporter makes."""
    with tempfile.TemporaryDirectory() as folder:
        again = put_together(Path(folder) / "x.tar", members(archive))
        assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(archive.read_bytes()).digest()
    assert padding(0) == 0
