"""One connection's statements over libpq itself: prepared, several in one round trip, without a cursor for each.

For a statement that finds a row, a cursor of psycopg takes three times as long as libpq does. Values are still written
and read by psycopg, and errors are its own.
"""

from __future__ import annotations

import re
import select
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from attrs import frozen
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result

Row = tuple[Any, ...]
_Key = tuple[bytes, tuple[int, ...]]
Asked = tuple[str, dict[str, Any]]
"""A statement as psycopg takes it, and its parameters."""

MOST_PREPARED = 500
_MOST_SEEN = 5_000
_MARK = re.compile(r"%\((\w+)\)s|%%")
_Status = pq.ExecStatus


@frozen(kw_only=True)
class Answer:
    """What a statement was answered with.

    Args:
        rows: Its rows.
        touched: How many rows it changed, or found.
        done: What PostgreSQL calls what it did, `COMMIT`.
    """

    rows: list[Row]
    touched: int
    done: str


@lru_cache(maxsize=2_048)
def numbered(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """Return a statement with its parameters as numbers, and their names in that order."""
    names: dict[str, int] = {}

    def put(found: re.Match[str]) -> str:
        return "%" if found[1] is None else f"${names.setdefault(found[1], len(names) + 1)}"

    return _MARK.sub(put, sql).encode(), tuple(names)


class Wire:
    """The statements of one connection, for one thread at a time.

    Args:
        driver: The connection, in which nothing is under way.
    """

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self._driver = driver
        self._libpq = driver.pgconn
        self._values = Transformer(driver)
        self._await_answer = _waiting(self._libpq.socket, writing=False)
        self._await_room = _waiting(self._libpq.socket, writing=True)
        self._prepared: OrderedDict[_Key, bytes] = OrderedDict()
        self._preparing: list[_Key] = []
        self._seen: set[_Key] = set()
        self._made = 0

    @property
    def is_lost(self) -> bool:
        """Whether the connection is."""
        return self._driver.closed

    def cursor(self) -> psycopg.Cursor[Any]:
        """Return psycopg's own cursor on the connection."""
        return self._driver.cursor()

    def ask(self, statements: Sequence[Asked]) -> Answer:
        """Run statements one after another, in one round trip; returns what the last was answered with.

        Raises:
            psycopg.Error: one failed, and those after it were not run.
        """
        written = [self._written(sql, parameters) for sql, parameters in statements]
        self._preparing = []
        try:
            result = self._run(written)
        except psycopg.Error:
            # Whether it got that far does not matter: the next name is another.
            for key in self._preparing:
                self._prepared.pop(key, None)
            raise
        except BaseException:
            # Nobody knows what is still to come.
            self._libpq.finish()
            raise
        self._values.set_pgresult(result)
        return Answer(
            rows=self._values.load_rows(0, result.ntuples, tuple) if result.status == _Status.TUPLES_OK else [],
            touched=result.command_tuples or 0,
            done=(result.command_status or b"").decode(),
        )

    def _written(self, sql: str, parameters: dict[str, Any]) -> _Statement:
        query, names = numbered(sql)
        values = self._values.dump_sequence([parameters[name] for name in names], [PyFormat.AUTO] * len(names))
        return _Statement(query, values, self._values.types or (), self._values.formats or ())

    def _run(self, statements: list[_Statement]) -> pq.abc.PGresult:
        commands = [command for statement in statements for command in self._commands(statement)]
        several = len(commands) > 1
        if several:
            self._libpq.enter_pipeline_mode()
        for send, arguments in commands:
            send(*arguments)
        if several:
            self._libpq.pipeline_sync()
        while self._libpq.flush():
            self._await_room()
            self._libpq.consume_input()
        results = list(self._results(several=several))
        if several and self._libpq.status == pq.ConnStatus.OK:
            self._libpq.exit_pipeline_mode()
        for result in results:
            if result.status == _Status.FATAL_ERROR:
                raise error_from_result(result, encoding="utf-8")
        if self._libpq.status != pq.ConnStatus.OK or not results:
            raise psycopg.OperationalError(self._libpq.get_error_message())
        return results[-1]

    def _commands(self, statement: _Statement) -> Iterator[tuple[Any, tuple[Any, ...]]]:
        """Yield the calls of libpq for a statement: one that is seen again is prepared."""
        key = (statement.query, statement.types)
        name = self._prepared.get(key)
        if name is None and key not in self._seen:
            if len(self._seen) > _MOST_SEEN:
                self._seen.clear()
            self._seen.add(key)
            yield self._libpq.send_query_params, (statement.query, statement.values, statement.types, statement.formats)
            return
        if name is None:
            self._made += 1
            name = f"herdbook_{self._made}".encode()
            if len(self._prepared) >= MOST_PREPARED:
                _, oldest = self._prepared.popitem(last=False)
                yield self._libpq.send_query_params, (b"DEALLOCATE " + oldest, None)
            self._prepared[key] = name
            self._preparing.append(key)
            yield self._libpq.send_prepare, (name, statement.query, statement.types)
        else:
            self._prepared.move_to_end(key)
        yield self._libpq.send_query_prepared, (name, statement.values, statement.formats)

    def _results(self, *, several: bool) -> Iterator[pq.abc.PGresult]:
        while True:
            # Only what has arrived is taken: libpq would wait with the interpreter's lock held.
            while self._libpq.is_busy():
                self._await_answer()
                self._libpq.consume_input()
            result = self._libpq.get_result()
            if result is None:
                if not several or self._libpq.status != pq.ConnStatus.OK:
                    return
            elif result.status == _Status.PIPELINE_SYNC:
                return
            else:
                yield result


def _waiting(socket: int, *, writing: bool) -> Callable[[], object]:
    """Return what waits until a socket can be read from, or written to as well."""
    if not hasattr(select, "poll"):
        return lambda: select.select([socket], [socket] if writing else [], [])
    poll = select.poll()
    poll.register(socket, select.POLLIN | (select.POLLOUT if writing else 0))
    return poll.poll


class _Statement:
    """A statement and its values, as libpq takes them."""

    __slots__ = ("formats", "query", "types", "values")

    def __init__(self, query: bytes, values: Any, types: tuple[int, ...], formats: Sequence[pq.Format]) -> None:
        self.query, self.values, self.types, self.formats = query, values, types, formats
