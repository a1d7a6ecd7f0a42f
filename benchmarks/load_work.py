"""What a client of the load script does: a mix of verbs, as its principal may ask them and as it may not."""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import uvloop
from dataset import FILES, manifest
from load_told import ALIASES, ASKED, SCHEMA, TAGGED, Client, Told, Write

from herdbook.wire import unstructure

PAGE = 100
RACE_S = 0.2
"""For so many seconds all clients that want a new name want the same one."""
_API = "/api/v1"
_HELD = unstructure(manifest())
_WEIGHTS = 2000


def work_together(port: int, clients: Sequence[Client], models: Sequence[str], seconds: float, processes: int) -> Told:
    """Let clients ask for so many seconds, shared out among processes; returns what all of them were told."""
    context = multiprocessing.get_context("spawn")
    shares = [(port, clients[number::processes], models, seconds) for number in range(processes)]
    told = Told()
    with context.Pool(processes) as pool:
        for each in pool.starmap(_work, [share for share in shares if share[1]]):
            told.add(each)
    return told


def _work(port: int, clients: Sequence[Client], models: Sequence[str], seconds: float) -> Told:
    told = Told()

    async def all_of_them() -> None:
        until = time.time() + seconds
        await asyncio.gather(*(_Asker(port, client, models, told).work(until) for client in clients))

    began = time.perf_counter()
    uvloop.run(all_of_them())
    told.seconds = time.perf_counter() - began
    return told


class _Asker:
    """One client at work."""

    def __init__(self, port: int, client: Client, models: Sequence[str], told: Told) -> None:
        self._port = port
        self._client = client
        self._models = models
        self._told = told
        self._rng = random.Random(client.number)
        self._made = 0
        self._latest = dict.fromkeys(models, 1)
        self._given = False
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def work(self, until: float) -> None:
        """Ask everything twice, and then whatever comes until a time of the clock; what was begun comes to its end."""
        mix = {"writer": {**READS, **WRITES}, "reader": {**READS, "set tag": WRITES["set tag"]}, "stranger": READS}
        work, weights = zip(*mix[self._client.role].values(), strict=True)
        try:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            for each in self._rng.sample(work * 2, len(work) * 2):
                await each(self)
            while time.time() < until:
                await self._rng.choices(work, weights)[0](self)
            self._writer.close()
        except (OSError, asyncio.IncompleteReadError) as error:
            self._told.wrong.append(f"a connection was lost: {error!r}")

    async def _ask(
        self, verb: str, method: str, path: str, *, body: Any = None, key: str | None = None, fine: tuple[str, ...] = ()
    ) -> tuple[Any, str]:
        """Ask; returns the answer, None for a refusal, and the request's id.

        Args:
            verb: What it is counted as.
            method: HTTP's.
            path: Below the API.
            body: Plain data, or bytes.
            key: The idempotency key.
            fine: The codes of refusals that are as they should be, whoever asks.
        """
        request_id = f"{ASKED}{secrets.token_hex(12)}"
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {_API}{path} HTTP/1.1", "host: 127.0.0.1", f"x-request-id: {request_id}"]
        lines.append(f"authorization: Bearer {self._client.token}")
        lines += [] if key is None else [f"idempotency-key: {key}"]
        lines += [] if body is None else ["content-type: application/json", f"content-length: {len(data)}"]
        began = time.perf_counter()
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + data)
        status, content = await self._answer()
        self._told.times.setdefault(verb, []).append(time.perf_counter() - began)
        if status < 300:
            return content, request_id
        refusal = f"{status} {_code(content)}"
        if _code(content) in (fine if self._client.role != "stranger" else ("NOT_FOUND",)):
            self._told.refused[verb, refusal] += 1
        else:
            said = content[:300].decode(errors="replace")
            self._told.wrong.append(f"{verb} of {self._client.principal} was answered {refusal}: {said}")
        return None, request_id

    async def _answer(self) -> tuple[int, bytes]:
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return int(head.split(b" ", 2)[1]), await self._reader.readexactly(length)

    def _expect(self, verb: str, what: object, wanted: object) -> None:
        if what != wanted:
            self._told.wrong.append(f"{verb} of {self._client.principal} was told {what!r}, not {wanted!r}")

    def _wrote(self, verb: str, request_id: str, on: str, told: Any, *, changed: bool = True) -> None:
        if self._client.role != "writer":
            self._told.wrong.append(f"{self._client.principal} was let do {verb} on {on}")
        self._told.writes.append(Write(verb=verb, request_id=request_id, on=on, told=told, changed=changed))

    def _model(self) -> str:
        return self._rng.choice(self._models)

    def _next(self) -> str:
        self._made += 1
        return f"{self._client.number}-{self._made}"

    def _must_not_see(self, verb: str, content: bytes | None) -> None:
        if content is not None and self._client.role == "stranger":
            self._told.wrong.append(f"{verb} told a stranger: {content[:200]!r}")

    async def resolve_alias(self) -> None:
        """Ask for the version that an alias points to; it is one that is READY."""
        model = self._model()
        content, _ = await self._ask("resolve alias", "GET", f"/models/{model}/aliases/{ALIASES[0]}")
        self._must_not_see("resolve alias", content)
        if content is not None:
            self._expect("resolve alias", json.loads(content)["status"], "READY")

    async def get_version(self) -> None:
        """Ask for a version that was acknowledged to this client, or was there before."""
        model = self._model()
        number = self._latest[model]
        content, _ = await self._ask("get version", "GET", f"/models/{model}/versions/{number}")
        self._must_not_see("get version", content)
        if content is not None:
            self._expect(
                "get version", (json.loads(content)["version"], json.loads(content)["status"]), (number, "READY")
            )

    async def first_page(self) -> None:
        """Ask for the first page of models."""
        await self._search("first page", {})

    async def search_by_tag(self) -> None:
        """Search for the models with a tag."""
        await self._search("search by tag", {"filter_string": f"tags.kind = 'k{self._rng.randrange(TAGGED)}'"})

    async def _search(self, verb: str, words: dict[str, Any]) -> None:
        content, _ = await self._ask(verb, "GET", f"/models:search?{urlencode({**words, 'max_results': PAGE})}")
        if content is not None:
            found = [one["name"] for one in json.loads(content)["items"]]
            self._expect(verb, bool(found), self._client.role != "stranger")

    async def read_file(self) -> None:
        """Read a file; its bytes are those that were stored."""
        content, _ = await self._ask("read a file", "GET", f"/models/{self._model()}/versions/1/files/model.bin")
        self._must_not_see("read a file", content)
        if content is not None:
            self._expect("read a file", content, FILES["model.bin"])

    async def create_version(self) -> None:
        """Create a version whose files are held; now and then the request is sent twice, and is one."""
        model, key = self._model(), f"v-{self._next()}"
        path, body = f"/models/{model}/versions", {"manifest": _HELD, "tags": {"by": key}}
        content, request_id = await self._ask("create version", "POST", path, body=body, key=key)
        if content is None:
            return
        made = json.loads(content)
        self._expect("create version", made["status"], "READY")
        self._latest[model] = made["version"]
        self._wrote("create_model_version", request_id, model, (made["version"], key))
        if self._rng.random() < 0.2:
            content, request_id = await self._ask("create version again", "POST", path, body=body, key=key)
            if content is not None:
                self._expect("create version again", json.loads(content)["version"], made["version"])
                self._wrote("create_model_version", request_id, model, (made["version"], key), changed=False)

    async def register_version(self) -> None:
        """Register new bytes in three steps."""
        model, key = self._model(), f"r-{self._next()}"
        path, body = f"/models/{model}/versions", {"tags": {"by": key}}
        content, request_id = await self._ask("begin version", "POST", path, body=body, key=key)
        if content is None:
            return
        number = json.loads(content)["version"]
        self._wrote("create_model_version", request_id, model, (number, key))
        files = {**FILES, "model.bin": secrets.token_bytes(_WEIGHTS)}
        sent: list[Any] = []
        for name, data in files.items():
            content, request_id = await self._ask("upload a file", "PUT", f"{path}/{number}/files/{name}", body=data)
            if content is not None:
                sent += json.loads(content)
                self._wrote("upload_model_version_files", request_id, model, (number, name))
        body = {"manifest": {"files": sent}}
        content, request_id = await self._ask("finalize version", "POST", f"{path}/{number}:finalize", body=body)
        if content is not None:
            self._expect("finalize version", json.loads(content)["status"], "READY")
            self._latest[model] = number
            digest = hashlib.sha256(files["model.bin"]).hexdigest()
            self._wrote("finalize_model_version", request_id, model, (number, digest))

    async def set_alias(self) -> None:
        """Move an alias that others move as well."""
        model, alias = self._model(), self._rng.choice(ALIASES)
        path, number = f"/models/{model}/aliases/{alias}", self._rng.randint(1, self._latest[model])
        # A version in between may be one whose bytes another client is still sending.
        fine = ("CONFLICT", "INVALID_ARGUMENT")
        content, request_id = await self._ask("set alias", "PUT", path, body={"version": number}, fine=fine)
        if content is not None:
            told = json.loads(content)
            self._expect("set alias", told["version"], number)
            self._wrote("set_registered_model_alias", request_id, f"{model}@{alias}", told)

    async def set_tag(self) -> None:
        """Set a tag that nobody else sets."""
        model, key, value = self._model(), f"c{self._client.number}", self._next()
        path, fine = f"/models/{model}/tags/{key}", () if self._client.role == "writer" else ("PERMISSION_DENIED",)
        content, request_id = await self._ask("set tag", "PUT", path, body={"value": value}, fine=fine)
        if content is not None:
            self._wrote("set_registered_model_tag", request_id, model, (key, value))

    async def register_model(self) -> None:
        """Create a model of one's own."""
        await self._create_model("register model", f"{SCHEMA}.own-{self._next()}")

    async def race_for_name(self) -> None:
        """Create a model whose name others want at the same time."""
        name = f"{SCHEMA}.raced-{int(time.time() / RACE_S)}"
        await self._create_model("race for a name", name, fine=("ALREADY_EXISTS",))

    async def _create_model(self, verb: str, name: str, **words: Any) -> None:
        content, request_id = await self._ask(verb, "POST", "/models", body={"name": name}, **words)
        if content is not None:
            self._wrote("create_registered_model", request_id, name, json.loads(content)["name"])

    async def give_or_take(self) -> None:
        """Give the guest a right, or take it away again."""
        model, guest = self._models[self._client.number % len(self._models)], self._client.guest
        line = {"principal": guest, "privilege": "EXECUTE", "securable": model}
        if self._given:
            content, request_id = await self._ask("revoke", "DELETE", f"/grants?{urlencode(line, quote_via=quote)}")
        else:
            content, request_id = await self._ask("grant", "POST", "/grants", body=line)
        if content is not None:
            self._given = not self._given
            verb = "grant" if self._given else "revoke"
            self._wrote(verb, request_id, model, guest)


_Work = tuple[Callable[[_Asker], Awaitable[None]], float]
READS: dict[str, _Work] = {
    "resolve alias": (_Asker.resolve_alias, 25),
    "get version": (_Asker.get_version, 12),
    "first page": (_Asker.first_page, 6),
    "search by tag": (_Asker.search_by_tag, 6),
    "read a file": (_Asker.read_file, 8),
}
WRITES: dict[str, _Work] = {
    "create version": (_Asker.create_version, 14),
    "register version": (_Asker.register_version, 3),
    "set alias": (_Asker.set_alias, 9),
    "set tag": (_Asker.set_tag, 9),
    "register model": (_Asker.register_model, 4),
    "race for a name": (_Asker.race_for_name, 2),
    "give or take": (_Asker.give_or_take, 3),
}


def _code(content: bytes) -> str:
    try:
        return str(json.loads(content)["code"])
    except (ValueError, KeyError):
        return "?"
