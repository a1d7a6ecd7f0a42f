"""What SQLite and PostgreSQL write differently: the few forms that statements name in double brackets."""

from __future__ import annotations

import re

from attrs import frozen

_FORM = re.compile(r"\[\[(\w+) ([^\]]+)\]\]")


@frozen(kw_only=True)
class Forms:
    """How a database writes what the standard does not have, or does not have there.

    A statement names a form as `[[form arguments]]`:

    - `[[each ids]]`: the items of the JSON array in parameter `ids`, as the text column `value` (numbers: CAST them).
    - `[[pairs ranges]]`: the same, as JSON; `value->>0` is then the text of an item's first element.
    - `[[object key, value]]`, `[[array value]]`: rows gathered into JSON text; `{}` or `[]` where there are none.
    - `[[arrays a; a, b]]`: rows gathered into the JSON text of an array of arrays; PostgreSQL puts them in that order,
      SQLite keeps the one in which they are read.
    - `[[greatest a, b]]`: the greater of two values.
    - `[[nested table]]`: a join that looks its right side up for each row of the left, where the planner may be told.
    - `[[first table; AND condition]]`: the ids of the first `limit` live rows `k`, by key, that lie in the sorted
      ranges `r(low, high)`, without the one at `after`; read along the index of keys, and no further than these.
    - `[[foreach table; x; column = y.id]]`: the same, whatever the planner is told; the condition stands in WHERE too.
    - `[[spanned table; x]]`: a join of the ranges `r(low, high)` with the live rows `x` whose keys lie in them.
    - `[[ranging ASC]] SELECT .. FROM [[ranged table]] .. WHERE ..`: a SELECT from the sorted ranges `r(low, high)` and
      a table, whose WHERE keeps a range's names. PostgreSQL reads each range by itself, to where it says
      `[[upto 101; r.low ASC, key ASC]]`, after so many rows in the order inside, and then in that order of all rows;
      or to `[[apart x]]`, and what follows holds for all rows.
    - `[[fenced x]] SELECT .. [[apart x]]`: a SELECT whose index does not depend on the ORDER BY that follows.
    - `FROM [[walked table x]] WHERE .. [[tested x.column DESC; x]] ..`: the same with AND between, where the planner
      takes what follows for no way to find rows, and reads the table in that order.
    - `[[owned table]]`: the keys of the live rows that principals in parameter `owners` own, read by owner.
    - `[[row table]]`: what finds a row of a table again the quickest within one statement.
    - `[[indexed name]]`: the index to read a table by, where the planner may be told.
    - `[[like name]]`, `[[ilike name]]`: what follows a text to compare it with the pattern in a parameter, in which
      nothing escapes; LIKE tells upper from lower case (SQLite: the same as GLOB in the parameter `g` + name), ILIKE
      takes ASCII letters in either.
    - `[[binary value]]`: a text, ordered byte by byte.
    - `[[ordered key]]`: ORDER BY, where the order in which an index is read is no promise.

    Args:
        templates: For each form its text, in which `{0}` stands for the arguments, or for the first of them where
            there is a `{1}` for a second one, after a semicolon.
    """

    templates: dict[str, str]

    def expand(self, sql: str) -> str:
        """Return a statement with every form written out."""
        return _FORM.sub(lambda found: _filled(self.templates[found[1]], found[2]), sql)


def _filled(template: str, arguments: str) -> str:
    for number, argument in enumerate(arguments.split(";") if "{1}" in template else (arguments,)):
        template = template.replace(f"{{{number}}}", argument.strip())
    return template


SQLITE = Forms(
    templates={
        "each": "json_each(:{0})",
        "pairs": "json_each(:{0})",
        "object": "json_group_object({0})",
        "array": "json_group_array({0})",
        "arrays": "json_group_array(json_array({1}))",
        "greatest": "max({0})",
        "nested": "CROSS JOIN {0}",
        "foreach": "CROSS JOIN {0} {1}",
        # The named index makes the order certain. The ranges begin at `after`; it is not compared with `>`, which
        # SQLite would take for the bound to begin at instead of a range's own.
        "first": """SELECT k.id FROM r CROSS JOIN {0} k INDEXED BY uq_{0}_key_live
            ON k.key >= r.low AND k.key < r.high
            WHERE k.deleted_at IS NULL AND k.key <> :after {1} LIMIT :limit""",
        "spanned": """CROSS JOIN {0} {1} INDEXED BY uq_{0}_key_live
            ON {1}.key >= r.low AND {1}.key < r.high AND {1}.deleted_at IS NULL""",
        "ranging": "",
        "ranged": "r CROSS JOIN {0}",
        "upto": "",
        "walked": "{0}",
        "tested": "AND",
        "fenced": "",
        "apart": "",
        "owned": """SELECT key FROM {0} INDEXED BY ix_{0}_owner_id
            WHERE deleted_at IS NULL AND owner_id IN (SELECT value FROM json_each(:owners))""",
        "row": "{0}.rowid",
        "indexed": "INDEXED BY {0}",
        "like": "GLOB :g{0}",
        "ilike": "LIKE :{0}",
        "binary": "{0}",
        "ordered": "",
    }
)
POSTGRESQL = Forms(
    templates={
        "each": "jsonb_array_elements_text(CAST(:{0} AS jsonb))",
        "pairs": "jsonb_array_elements(CAST(:{0} AS jsonb))",
        "object": "coalesce(CAST(json_object_agg({0}) AS text), '{}')",
        "array": "coalesce(CAST(json_agg({0}) AS text), '[]')",
        "arrays": "coalesce(CAST(json_agg(json_build_array({1}) ORDER BY {0}) AS text), '[]')",
        "greatest": "greatest({0})",
        "nested": "JOIN {0}",
        "foreach": "CROSS JOIN LATERAL (SELECT * FROM {0} WHERE {2} OFFSET 0) {1}",
        # Each range is read by itself: as a plain join, the index would be read from its beginning.
        "first": """SELECT x.id FROM r CROSS JOIN LATERAL (SELECT k.id, k.key FROM {0} k
            WHERE k.key >= r.low AND k.key < r.high AND k.deleted_at IS NULL AND k.key <> :after {1}
            ORDER BY k.key LIMIT :limit) x ORDER BY x.key LIMIT :limit""",
        # Read apart from the rest: each range by itself, along the index.
        "spanned": """CROSS JOIN LATERAL (SELECT * FROM {0} k
            WHERE k.key >= r.low AND k.key < r.high AND k.deleted_at IS NULL OFFSET 0) {1}""",
        # In the order of the ranges: what they hold is sorted range by range, and no range is read in vain.
        "ranging": "SELECT x.* FROM (SELECT low, high FROM r ORDER BY low {0}) r CROSS JOIN LATERAL (",
        "ranged": "{0}",
        "upto": "LIMIT {0}) x ORDER BY {1}",
        "walked": "(SELECT * FROM {0}",
        "tested": "ORDER BY {0} OFFSET 0) {1} WHERE",
        "fenced": "SELECT {0}.* FROM (",
        # For the sake of an order, the planner would read along its index and look for what is wanted.
        "apart": "OFFSET 0) {0}",
        # Where few own most, an equation makes the planner expect half the table and read it through.
        "owned": """SELECT k.key FROM jsonb_array_elements_text(CAST(:owners AS jsonb)) o
            CROSS JOIN LATERAL (SELECT key FROM {0} WHERE owner_id >= o.value AND owner_id <= o.value
            AND deleted_at IS NULL OFFSET 0) k""",
        "row": "{0}.id",
        "indexed": "",
        "like": "LIKE :{0} ESCAPE ''",
        "ilike": "COLLATE \"C\" ILIKE :{0} ESCAPE ''",
        "binary": '(({0}) COLLATE "C")',
        "ordered": "ORDER BY {0}",
    }
)
