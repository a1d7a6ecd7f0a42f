"""Names: nothing malformed can be made, everything parses back, and two spellings of one name are one name."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from herdbook.errors import InvalidArgumentError
from herdbook.names import (
    AliasRef,
    AliasSlots,
    CatalogName,
    LatestRef,
    LoggedModelRef,
    ModelName,
    ModelUri,
    PrincipalKind,
    PrincipalName,
    SchemaName,
    VersionRef,
    format_time,
    parse_securable,
    parse_time,
)
from herdbook.testing import strategies as ours

MODEL = ModelName.parse("prod.fraud.scorer")
# Cyrillic o, zero width space, full width, accent, Roman numeral, Arabic digit, dotted I, long s, Kelvin, sharp s.
LOOK_ALIKES = [
    "pr\u043ed",
    "prod\u200b",
    "\uff30\uff32\uff2f\uff24",
    "prod\u00e9",
    "\u2177",
    "\u0663",
    "\u0130",
    "\u017f",
    "\u212a",
    "\u00df",
]
HOSTILE = [
    "",
    ".",
    "-a",
    "a\n",
    "\na",
    "a\x00",
    " a",
    "a ",
    "a.b",
    "a/b",
    "a@b",
    "a" * 256,
    "../a",
    "a\r",
    *LOOK_ALIKES,
]


def is_level(value: object) -> bool:
    """Say what a level is, without a regular expression (PRODUCT: 1-255 of A-Z a-z 0-9 _ -, not '-' first)."""
    return (
        isinstance(value, str)
        and 1 <= len(value) <= 255
        and set(value) <= set(string.ascii_letters + string.digits + "_-")
        and value[0] != "-"
    )


def is_principal_word(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 255 and set(value) <= set(ours.PRINCIPAL_CHARACTERS)


def accepts(make: Callable[..., Any], *arguments: Any, **named: Any) -> bool:
    """Tell whether a value is made; only InvalidArgumentError may say no."""
    try:
        make(*arguments, **named)
    except InvalidArgumentError:
        return False
    return True


def near_levels() -> st.SearchStrategy[Any]:
    """Levels, and what is almost one."""
    spoilt = st.builds(
        lambda level, at, odd: level[: at % (len(level) + 1)] + odd + level[at % (len(level) + 1) :],
        ours.levels(),
        st.integers(0, 300),
        st.sampled_from(["\n", ".", "@", "/", " ", "\u200b", "é", "\x00", "-", "_", "٣"]),
    )
    odd = st.one_of(st.none(), st.integers(), st.binary(max_size=3), st.lists(st.text(max_size=2), max_size=2))
    return st.one_of(ours.levels(), spoilt, st.sampled_from(HOSTILE), st.text(max_size=8), odd)


@given(near_levels())
def test_every_constructor_accepts_exactly_levels(value: Any) -> None:
    """A catalog, schema, model and alias can be built from a level and from nothing else, in every position."""
    good = is_level(value)
    assert accepts(CatalogName, catalog=value) is good
    assert accepts(SchemaName, catalog=value, schema="a") is good
    assert accepts(SchemaName, catalog="a", schema=value) is good
    for place in ("catalog", "schema", "model"):
        assert accepts(ModelName, **{"catalog": "a", "schema": "a", "model": "a", place: value}) is good
    good_alias = good and not ours.is_reserved_alias(value)
    assert accepts(AliasRef, model=MODEL, alias=value) is good_alias
    assert accepts(AliasSlots, container=MODEL.parent, alias=value) is good_alias
    assert accepts(PrincipalName, principal_kind=PrincipalKind.USER, name=value) is is_principal_word(value)
    source_good = value == "" or is_principal_word(value)
    assert accepts(PrincipalName, principal_kind=PrincipalKind.USER, name="a", source=value) is source_good


@given(st.one_of(near_levels(), st.lists(near_levels().map(str), min_size=1, max_size=4).map(".".join)))
def test_every_parser_accepts_exactly_dotted_levels(text: Any) -> None:
    """Parsing takes as many levels as the kind has, each a level, and repairs nothing."""
    levels = text.split(".") if isinstance(text, str) else []
    whole = bool(levels) and all(map(is_level, levels))
    for count, kind in enumerate((CatalogName, SchemaName, ModelName), start=1):
        assert accepts(kind.parse, text) is (whole and len(levels) == count)
    if isinstance(text, str) and "@" in text:
        return
    assert accepts(parse_securable, text) is ((whole and len(levels) <= 3) or text == "metastore:")


@given(st.one_of(st.integers(-2, 5), st.integers(), st.booleans(), st.floats(), st.text(max_size=3), st.just(10**18)))
def test_a_version_number_is_a_positive_int(number: Any) -> None:
    """No bool, float, text, zero, negative or too large number becomes a version."""
    good = type(number) is int and 1 <= number < 10**18
    assert accepts(VersionRef, model=MODEL, version=number) is good


@given(st.one_of(st.integers(-2, 10**19).map(str), st.text("0123456789+-_ \n٣", max_size=5)))
def test_a_written_version_number_has_one_form(number: str) -> None:
    """Leading zeros, signs, underscores, spaces and other scripts' digits are refused: one number, one spelling."""
    good = number.isascii() and number.isdigit() and number[0] != "0" and int(number) < 10**18
    assert accepts(VersionRef.parse, f"a.b.c/{number}") is good
    assert accepts(ModelUri.parse, f"models:/a.b.c/{number}") is good


@pytest.mark.parametrize("wrong", ["prod.fraud.scorer", None, 3, CatalogName.parse("prod"), MODEL.parent])
def test_references_hold_only_names(wrong: Any) -> None:
    """A reference cannot be built around anything but a model's name, nor alias slots around a model or text."""
    assert not accepts(VersionRef, model=wrong, version=1)
    assert not accepts(AliasRef, model=wrong, alias="champion")
    assert not accepts(LatestRef, model=wrong)
    assert not accepts(ModelUri, ref=wrong)
    if not isinstance(wrong, CatalogName | SchemaName):
        assert not accepts(AliasSlots, container=wrong, alias="champion")
    assert not accepts(AliasSlots, container=MODEL, alias="champion")


@pytest.mark.parametrize("wrong", [None, 3, b"a", ["a"], 1.5])
def test_parsers_refuse_what_is_no_text(wrong: Any) -> None:
    """Every parser answers a value that is no text with InvalidArgumentError, never with an AttributeError."""
    parsers = (CatalogName, SchemaName, ModelName, VersionRef, AliasRef, ModelUri, PrincipalName)
    for parse in [*(kind.parse for kind in parsers), parse_securable, parse_time]:
        assert not accepts(parse, wrong)
    assert not accepts(LoggedModelRef, model_id=wrong)
    assert not accepts(PrincipalName, principal_kind=wrong, name="a")


@given(ours.securables())
def test_securables_parse_back(name: Any) -> None:
    """parse_securable(str(x)) is x, of the same type and spelled alike."""
    again = parse_securable(str(name))
    assert (type(again), again, str(again)) == (type(name), name, str(name))


@given(st.one_of(ours.catalog_names(), ours.schema_names(), ours.model_names(), ours.version_refs(), ours.alias_refs()))
def test_names_parse_back(name: Any) -> None:
    """K.parse(str(x)) == x for every kind K, as written."""
    again = type(name).parse(str(name))
    assert again == name
    assert str(again) == str(name)


@given(ours.principals())
def test_principals_parse_back(name: PrincipalName) -> None:
    """A principal's text means that principal again."""
    assert PrincipalName.parse(str(name)) == name
    assert str(PrincipalName.parse(str(name))) == str(name)


@given(ours.model_uris())
def test_uris_parse_back(uri: ModelUri) -> None:
    """A URI's text means that URI again, with or without `models:/`."""
    assert ModelUri.parse(str(uri)) == uri
    assert ModelUri.parse(str(uri).removeprefix("models:/")) == uri


@given(st.data(), ours.securables())
def test_spellings_are_one_name(data: st.DataObject, name: Any) -> None:
    """A name in another case is the same name: equal, one hash, one key; and it keeps its own spelling."""
    text = str(name)
    if text == "metastore:":
        return
    flips = data.draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    spelled = "".join(c.swapcase() if flip else c for c, flip in zip(text, flips, strict=True))
    other = parse_securable(spelled)
    assert other == name
    assert hash(other) == hash(name)
    assert other.key == name.key == text.lower()
    assert str(other) == spelled


@given(ours.securables(), ours.securables())
@example(CatalogName.parse("A"), CatalogName.parse("a"))
@example(SchemaName.parse("a.b_c"), SchemaName.parse("a.b-c"))
def test_equality_is_equality_of_keys(one: Any, other: Any) -> None:
    """No two names collide: equal values, equal keys and equal folded texts are the same thing."""
    assert (one == other) is (one.key == other.key) is (str(one).lower() == str(other).lower())


@given(ours.principals(), ours.principals())
@example(PrincipalName.parse("user:A/b"), PrincipalName.parse("user:a/B"))
@example(PrincipalName.parse("user:a"), PrincipalName.parse("group:a"))
def test_equality_of_principals_is_equality_of_keys(one: PrincipalName, other: PrincipalName) -> None:
    """Principals too: equal values, equal keys and equal folded texts are the same thing."""
    assert (one == other) is (one.key == other.key) is (str(one).lower() == str(other).lower())
    if one == other:
        assert hash(one) == hash(other)


@given(st.text())
@example("latest")
@example("V12")
@example("v")
@example("v1a")
@example("v٣")
def test_reserved_words_are_no_aliases(word: str) -> None:
    """`latest` and `v<digits>` are refused in any case, in every way to write an alias; other levels are not."""
    good = is_level(word) and not ours.is_reserved_alias(word)
    for text in (f"a.b.c@{word}", f"models:/a.b.c@{word}"):
        assert accepts(AliasRef.parse, text) is good
    assert accepts(parse_securable, f"a.b@{word}") is good
    assert accepts(parse_securable, f"a@{word}") is good


@given(st.text(), st.sampled_from(["user", "group", "role", "service", "admin", "USER", ""]))
@example("os/alice", "user")
@example("/alice", "user")
@example("a/b/c", "user")
@example("alice\n", "user")
def test_principal_texts(rest: str, kind: str) -> None:
    """KIND:NAME and KIND:SOURCE/NAME are taken for the four kinds; every other text is refused."""
    parts = rest.split("/")
    good = kind in {"user", "group", "role", "service"} and len(parts) <= 2 and all(map(is_principal_word, parts))
    assert accepts(PrincipalName.parse, f"{kind}:{rest}") is good


@given(st.text())
def test_a_bare_word_is_a_user(word: str) -> None:
    """Without a kind, it is a user."""
    if is_principal_word(word):
        assert PrincipalName.parse(word) == PrincipalName(principal_kind=PrincipalKind.USER, name=word)
    elif ":" not in word and "/" not in word:
        assert not accepts(PrincipalName.parse, word)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("models:/a.b.c/3", VersionRef),
        ("models:/a.b.c@champion", AliasRef),
        ("models:/a.b.c@champion?as_of=2026-11-01T00:00:00Z", AliasRef),
        ("models:/a.b.c@champion?as_of=2026-11-01T02:00:00+02:00", AliasRef),
        ("models:/a.b.c/latest", LatestRef),
        ("models:/m-1f2e", LoggedModelRef),
    ],
)
def test_forms_of_uris(text: str, kind: type) -> None:
    """Each form of PRODUCT's table points to what the table says."""
    uri = ModelUri.parse(text)
    assert isinstance(uri.ref, kind)
    assert uri.as_of == (datetime(2026, 11, 1, tzinfo=UTC) if "as_of" in text else None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "models:/",
        "models:/a.b.c",
        "models:/a.b/1",
        "models:/models:/a.b.c/1",
        "models:/models:/a.b.c@x",
        "models://a.b.c/1",
        "MODELS:/a.b.c/1",
        "models:/a.b.c/LATEST",
        "models:/a.b.c/latest/1",
        "models:/a.b.c@latest",
        "models:/a.b.c@x@y",
        "models:/a.b.c/1@x",
        "models:/a.b.c@x/1",
        "models:/a.b.c/1?as_of=2026-11-01T00:00:00Z",
        "models:/a.b.c/latest?as_of=2026-11-01T00:00:00Z",
        "models:/m-1?as_of=2026-11-01T00:00:00Z",
        "models:/a.b.c@x?",
        "models:/a.b.c@x?as_of=",
        "models:/a.b.c@x?as_of=2026-11-01T00:00:00",
        "models:/a.b.c@x?as_of=0001-01-01T00:00:00%2B23:59",
        "models:/a.b.c@x?as_of=2026-11-01T00:00:00Z&as_of=2026-11-01T00:00:00Z",
        "models:/a.b.c@x?at=2026-11-01T00:00:00Z",
        "models:/m-",
        "models:/m-1.2",
        "models:/a.b.c/1\n",
        "models:/a.b.c/\N{ARABIC-INDIC DIGIT THREE}",
        "runs:/a/b",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_uri(text: str) -> None:
    """Everything beside PRODUCT's forms is refused."""
    assert not accepts(ModelUri.parse, text)


@given(st.one_of(st.text(), st.text("abm-1./@:?=&%+", max_size=30), ours.model_uris().map(str), near_levels()))
def test_parsed_uris_are_canonical(text: Any) -> None:
    """Whatever is parsed at all writes a text that parses to the same thing; nothing else is ever raised."""
    try:
        uri = ModelUri.parse(text)
    except InvalidArgumentError:
        return
    assert ModelUri.parse(str(uri)) == uri


def test_a_uri_is_as_of_a_time_only_for_aliases() -> None:
    """as_of has an offset, goes with an alias, and is kept in whole milliseconds (UTC), as its text says it."""
    moment = datetime(2026, 11, 1, 2, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    uri = ModelUri(ref=MODEL.alias("champion"), as_of=moment)
    assert uri.as_of == datetime(2026, 11, 1, 0, 0, 0, 123000, tzinfo=UTC)
    assert ModelUri.parse(str(uri)) == uri
    assert not accepts(ModelUri, ref=MODEL.version(1), as_of=moment)
    assert not accepts(ModelUri, ref=MODEL.alias("champion"), as_of=moment.replace(tzinfo=None))
    assert not accepts(ModelUri, ref=MODEL.alias("champion"), as_of="2026-11-01T00:00:00Z")


@given(ours.moments())
def test_times_parse_back(moment: datetime) -> None:
    """A time in milliseconds survives its text."""
    assert parse_time(format_time(moment)) == moment


@given(st.text())
@example("0001-01-01T00:00:00+23:59")
@example("9999-12-31T23:59:59-23:59")
def test_no_text_breaks_the_parser_of_times(text: str) -> None:
    """A text is a time with an offset, or InvalidArgumentError."""
    accepts(parse_time, text)


def test_a_refusal_says_what_was_asked() -> None:
    """The message quotes the value and says what a name is."""
    with pytest.raises(InvalidArgumentError, match=r"'prod\\n' is not a catalog name: a name is 1 to 255"):
        CatalogName.parse("prod\n")
