"""A query is read as the standard library reads it, also where the quick way is taken."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.text.querytext import fields


@given(st.text(alphabet="ab=&;%+2 é\n"))
def test_it_reads_what_the_standard_library_reads(query: str) -> None:
    assert fields(query) == dict(parse_qsl(query, keep_blank_values=True))


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a=1&a=2", {"a": "2"}),
        ("a", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("a=%2B1+2", {"a": "+1 2"}),
    ],
)
def test_documented_forms(query: str, read: dict[str, str]) -> None:
    assert fields(query) == read
