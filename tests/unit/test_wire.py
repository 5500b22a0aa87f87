"""JSON that leaves can be read by every client; JSON that comes in can leave again, or is refused with its pointer."""

import json
import math
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from agentic_sales.errors import InvalidRequest
from agentic_sales.wire import DEEPEST, clean_text, from_wire, is_storable, read_body, to_stored, to_wire


class Score(BaseModel):
    """A pydantic model as a graph may return it."""

    score: float


def strict(data: bytes) -> Any:
    """Read JSON as JavaScript does: without NaN and infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(data.decode(), parse_constant=refuse)


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


class TestLeaving:
    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
    def test_a_number_that_json_has_not_leaves_as_null_wherever_it_stands(self, number: float) -> None:
        value = {"plain": number, "in": [{"a": number}], "model": Score(score=number)}
        assert strict(to_wire(value)) == {"plain": None, "in": [{"a": None}], "model": {"score": None}}

    def test_half_a_surrogate_pair_leaves_as_a_replacement_in_texts_names_and_models(self) -> None:
        value = {"a\ud800": "b\udfff", "message": AIMessage("c\ud800"), "whole": "\N{GRINNING FACE}", "n": math.nan}
        told = strict(to_wire(value))
        assert told["a\ufffd"] == "b\ufffd"
        assert told["message"]["content"] == "c\ufffd"
        assert (told["whole"], told["n"]) == ("\N{GRINNING FACE}", None)

    def test_what_was_written_deep_is_read_again(self) -> None:
        deep = json.loads(nested(250))
        assert from_wire(to_wire(deep)) == deep

    def test_what_is_stored_has_no_nul_and_keeps_what_only_looks_like_one(self) -> None:
        stored = to_stored({"nul": "a\x00\x00b", "text": r"\u0000", "behind": "\\\x00", "half": "\ud800"})
        assert json.loads(stored) == {
            "nul": "a\ufffd\ufffdb",
            "text": r"\u0000",
            "behind": "\\\ufffd",
            "half": "\ufffd",
        }
        assert clean_text("a\x00\ud800b") == "a\ufffd\ufffdb"

    @pytest.mark.parametrize(
        ("value", "fits"), [("a", True), ("\x00", False), (math.nan, False), (1.5, True), (7, True)]
    )
    def test_what_postgresql_would_change_or_refuse_is_told(self, value: Any, *, fits: bool) -> None:
        assert is_storable(value) == fits


class TestComingIn:
    @pytest.mark.parametrize(
        "raw", [b"{}", b"[]", b'"a"', b"1", b"null", nested(DEEPEST), b'{"a":9223372036854775807,"b":-1.5e300}']
    )
    def test_a_body_that_can_leave_again_is_read_as_it_is(self, raw: bytes) -> None:
        assert read_body(raw) == json.loads(raw)

    def test_a_whole_surrogate_pair_and_an_escaped_backslash_are_no_problems(self) -> None:
        assert read_body(rb'{"a":"\ud83d\ude00","b":"\\u0000"}') == {"a": "\N{GRINNING FACE}", "b": r"\u0000"}

    @pytest.mark.parametrize(
        ("raw", "pointer", "problem"),
        [
            (rb'{"input":{"x":"a\u0000"}}', "/input/x", "NUL"),
            (rb'{"a/b":[1,{"~":"\ud800"}]}', "/a~1b/1/~0", "surrogate"),
            (rb'{"metadata":{"a\udfffb":1}}', "/metadata/a\ufffdb", "surrogate"),
            (b'{"a":NaN}', "/a", "64 bits"),
            (b'{"a":[0,-Infinity]}', "/a/1", "64 bits"),
            (b'{"a":1e999}', "/a", "64 bits"),
            (b'{"a":9223372036854775808}', "/a", "64 bits"),
            (nested(DEEPEST + 1), "/a" * DEEPEST, "nested deeper"),
            (nested(500), "/a" * DEEPEST, "nested deeper"),
        ],
    )
    def test_a_value_that_could_not_leave_again_is_refused_with_its_pointer(
        self, raw: bytes, pointer: str, problem: str
    ) -> None:
        with pytest.raises(InvalidRequest, match=problem) as refused:
            read_body(raw)
        assert f"`{pointer}`" in str(refused.value)

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{",
            b"\xff",
            b'{"a":1}x',
            b"\xef\xbb\xbf{}",
            "{}".encode("utf-16"),
            b"[" * 100_000,
            b"1" * 5000,
            b"'a'",
        ],
    )
    def test_what_is_no_json_is_refused(self, raw: bytes) -> None:
        with pytest.raises(InvalidRequest, match="no JSON"):
            read_body(raw)
