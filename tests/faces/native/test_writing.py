"""How answers go out: whole, in order, at once."""

from __future__ import annotations

import asyncio
import socket

from herdbook.server.running import listen
from herdbook.server.writing import LARGE, WholeWrites


def test_an_answer_arrives_whole(server):
    """Head and body of a short answer are one write: the client's first read has both."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        for _ in range(3):
            connection.sendall(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert body == b'{"status":"ok"}'


def test_writes_keep_their_order():
    """Small and large ones, more in a turn than one, and what stands at the end before closing."""
    written = [b"head", b"body", b"x" * LARGE, b"tail", b"", b"last"]
    assert asyncio.run(_received(written)) == b"".join(written)


async def _received(written):
    loop = asyncio.get_running_loop()
    with listen("127.0.0.1", 0) as listening:
        reader, writer = await asyncio.open_connection(*listening.getsockname()[:2])
        accepted, _ = listening.accept()
    transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, accepted)
    whole = WholeWrites(transport)
    for number, data in enumerate(written):
        whole.write(data)
        if number == 3:
            await asyncio.sleep(0)
    whole.close()
    received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return received
