"""The blocks of a tar file: regular files with plain names, in one spelling only; anything else is refused."""

from __future__ import annotations

from herdbook.errors import InvalidArgumentError

BLOCK = 512
END = bytes(2 * BLOCK)
_NAME = 100
_OCTAL_LIMIT = 8**11
_SIZE = slice(124, 136)
_SUM = slice(148, 156)


def header(name: str, size: int) -> bytes:
    """Return the one header block that a regular file of this name and size has.

    Args:
        name: At most 100 ASCII characters.
        size: Bytes; from 8 GiB on it is written in binary, as GNU tar, bsdtar and Python read it.
    """
    written = name.encode("ascii")
    if not 1 <= len(written) <= _NAME or not 0 <= size < 2**62:
        raise ValueError(f"no header for {name!r} with {size} bytes")
    length = b"%011o\0" % size if size < _OCTAL_LIMIT else b"\x80" + size.to_bytes(11, "big")
    block = b"".join(
        (
            written.ljust(_NAME, b"\0"),
            b"0000644\0" + b"0000000\0" * 2,
            length,
            b"00000000000\0",
            b" " * 8,
            b"0",
            bytes(100),
            b"ustar\x0000",
            bytes(64),
            b"0000000\0" * 2,
            bytes(167),
        )
    )
    return block[: _SUM.start] + b"%06o\0 " % sum(block) + block[_SUM.stop :]


def parse(block: bytes) -> tuple[str, int]:
    """Return the name and size that a header block says.

    Raises:
        InvalidArgumentError: it is not the block that `header` makes for them, so no plain file as archives have it:
            a link, a device, a sparse file, an extended header, another owner or time, a wrong checksum.
    """
    length = block[_SIZE].ljust(1, b"\0")
    try:
        name = block[:_NAME].rstrip(b"\0").decode("ascii")
        size = int.from_bytes(length[1:], "big") if length[0] == 0x80 else int(length[:11], 8)  # noqa: PLR2004 GNU's mark
        if header(name, size) == block:
            return name, size
    except ValueError:
        pass
    raise InvalidArgumentError("A member's header is not as archives have it: it is damaged, or no plain file.")


def padding(size: int) -> int:
    """Return how many zero bytes follow a content of this size."""
    return -size % BLOCK
