"""Patterns: what they match, and that no spelling of a URI gets past them."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.errors import InvalidArgumentError
from herdbook.policy.globs import covers, glob
from herdbook.policy.uri_patterns import UriPattern, place_of


@given(st.text("ab*", max_size=12), st.text("ab", max_size=16))
def test_a_glob_is_what_fnmatch_says(pattern: str, text: str) -> None:
    """`*` means what it means to the standard library, anchored at both ends."""
    assert glob(pattern, text) is fnmatch.fnmatchcase(text, pattern)


def test_no_pattern_takes_long() -> None:
    """The worst pattern is matched in steps that grow with the product of the lengths, not exponentially."""
    steps = 0

    def same(wanted: str, found: str) -> bool:
        nonlocal steps
        steps += 1
        return wanted == found

    pattern, text = "*a" * 100 + "b", "a" * 1000
    assert not covers(pattern, text, "*", same)
    assert steps <= len(pattern) * len(text)


def matches(pattern: str, uri: str) -> bool:
    place = place_of(uri)
    return place is not None and UriPattern.parse(pattern).matches(place)


@pytest.mark.parametrize(
    ("pattern", "uri"),
    [
        ("s3://models/prod/", "s3://models/prod/iris/1"),
        ("s3://models/prod/", "s3://models/prod"),
        ("s3://models/prod/", "S3://MODELS/prod/a b"),
        ("s3://models/prod/", "s3://models/pro%64/iris"),
        ("s3://models", "s3://models/"),
        ("s3:", "s3://anything/at/all"),
        ("runs:", "runs:/0123/model"),
        ("runs:/0123/", "runs:/0123/model"),
        ("https://*.example.com/v1/*", "https://a.b.Example.com:443/v1/score?key=x#y"),
        ("https://h.example.com/**/score", "https://h.example.com/score"),
        ("https://h.example.com/**/score", "https://h.example.com/a/b/score/"),
        ("https://h.example.com:8443/", "https://h.example.com:8443/x"),
        ("http:", "http://[::1]:80/x"),
        ("file:///data/", "/data/iris"),
        ("file:///data/", "file:/data/iris"),
        ("file:///data/", "file://localhost/data/iris"),
        ("abfss://c@acct.dfs.core.windows.net/models/", "abfss://C@acct.dfs.core.windows.net/models/iris"),
        ("hf:org/*", "hf:org/model"),
    ],
)
def test_a_pattern_means(pattern: str, uri: str) -> None:
    """Scheme and host are compared in lower case; a final slash is all that lies below, `*` one part of a path."""
    assert matches(pattern, uri)


@pytest.mark.parametrize(
    ("pattern", "uri"),
    [
        ("s3://models/prod/", "s3://models/production/iris"),
        ("s3://models/prod/", "s3://models/prod/../dev/iris"),
        ("s3://models/prod/", "s3://models/prod/%2e%2E/dev/iris"),
        ("s3://models/prod/", "s3://models/prod/%252e%252e/dev"),
        ("s3://models/prod/", "s3://models/prod/..%2fdev"),
        ("s3://models/prod/", "s3://models/prod/..\\dev"),
        ("s3://models/prod/", "s3://models/prod/%5c..%5cdev"),
        ("s3://models/prod/", "s3://models/prod//iris"),
        ("s3://models/prod/", "s3://models//prod/iris"),
        ("s3://models/prod/", "s3://models/prod/iris//"),
        ("s3://models/prod/", "s3://models/prod/./iris"),
        ("s3://models/prod/", "s3://models/prod/a%zz"),
        ("s3://models/prod/", "s3://models/prod/a%00"),
        ("s3://models/prod/", "s3://models/prod/a\n"),
        ("s3://models/prod/", " s3://models/prod/a"),
        ("s3://models/prod/", "https://models/prod/a"),
        ("s3://models/prod/", "x+s3://models/prod/a"),
        ("s3://models/prod/", "s3:models/prod/a"),
        ("s3://models/prod/", "s3:/models/prod/a"),
        ("s3://models/prod/", "models/prod/a"),
        ("https://h.example.com/", "https://h.example.com@evil.example/"),
        ("https://h.example.com/", "https://user@h.example.com/"),
        ("https://h.example.com/", "https://evil.example#@h.example.com/"),
        ("https://h.example.com/", "https://evil.example?x=h.example.com/"),
        ("https://h.example.com/", "https://evil.example\\@h.example.com/"),
        ("https://h.example.com/", "https://h.example.com:8443/"),
        ("https://h.example.com/", "https://h.example.com:x/"),
        ("https://h.example.com/", "https://h.example.com.evil.example/"),
        ("https://h.example.com/", "https://h.example.com./"),
        ("https://h.example.com/", "https://h.ex%61mple.com/"),
        ("https://h.example.com/", "https://\N{FULLWIDTH LATIN SMALL LETTER H}.example.com/"),
        ("https://h.example.com/", "https:///h.example.com/"),
        ("https://h.example.com/", "//h.example.com/"),
        ("https:", "http://h.example.com/"),
        ("https:", "https:/evil.example/"),
        ("https://*.example.com/", "https://example.com/"),
        ("https://*.example.com/", "https://evilexample.com/"),
        ("https://*.example.com/", "https://evil.example/.example.com/"),
        ("https://h.example.com/v1/*", "https://h.example.com/v1/a/b"),
        ("https://h.example.com/v1/*", "https://h.example.com/v1"),
        ("https://h.example.com/v1", "https://h.example.com/v1/a"),
        ("abfss://c@acct.dfs.core.windows.net/", "abfss://d@acct.dfs.core.windows.net/"),
        ("abfss://c@acct.dfs.core.windows.net/", "abfss://c@d@acct.dfs.core.windows.net/"),
        ("file:///data/", "file://elsewhere/data/iris"),
        ("file:///data/", "C:\\data\\iris"),
        ("file:///data/", "data/iris"),
        ("runs:", ""),
    ],
)
def test_no_spelling_gets_past(pattern: str, uri: str) -> None:
    """What leads elsewhere, or can be read in two ways, matches nothing."""
    assert not matches(pattern, uri)


@pytest.mark.parametrize(
    "pattern",
    ["", "s3", "*:", "s3://*/x", "s3://a*b/", "https://*.*.com/", "https://", "https:///x", "s3://u@b/", "s3://b/../",
     "s3://b//c", "s3://b/a**/", "s3://b/[ab]/", "s3://b/?", "s3://b/%41", "s3://b/#a", "s3://b/\\",
     "s3://b/" + "a" * 500],
)  # fmt: skip
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    """A pattern that would match nothing, or might be meant in another glob language, is a mistake of its author."""
    with pytest.raises(InvalidArgumentError):
        UriPattern.parse(pattern)


@given(st.text(st.sampled_from("ab./\\%2eE@:?#*[] "), max_size=20))
def test_below_a_prefix_stays_below_it(rest: str) -> None:
    """Whatever follows an allowed prefix and is matched, resolves to below that prefix for a decoding reader too."""
    import posixpath
    from urllib.parse import unquote, urlsplit

    uri = "s3://models/prod/" + rest
    if matches("s3://models/prod/", uri):
        resolved = posixpath.normpath(unquote(urlsplit(uri).path))
        assert resolved == "/prod" or resolved.startswith("/prod/")
        assert urlsplit(uri).netloc == "models"
