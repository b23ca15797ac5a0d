"""JMESPath (https://jmespath.org), compiled once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jmespath
from jmespath import exceptions, functions

from connectors.errors import BadInput

Reader = Callable[[Any], Any]
PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


def compile_expression(setting: str, expression: str) -> Reader:
    """Return what finds the expression's value in a document; None where there is none.

    Args:
        setting: Where the expression stands; named when it fails.
        expression: JMESPath.

    Raises:
        ValueError: It is no valid expression; the message says where it goes wrong.
    """
    if fault := fault_of(expression):
        raise ValueError(f"{setting} = {expression!r}: {fault}")
    if PATH.fullmatch(expression):
        return _path(expression.split("."))
    search = jmespath.compile(expression).search

    def read(document: Any) -> Any:  # noqa: ANN401 - JSON
        try:
            return search(document)
        except Exception as error:  # noqa: BLE001 - the library lets Python's own errors through
            # its words may quote the text
            raise BadInput("mapping", f"{setting}: {type(error).__name__}") from None

    return read


def fault_of(expression: str) -> str:
    """Say what is wrong with an expression; nothing where it is valid."""
    try:
        return _unknown_function(jmespath.compile(expression).parsed)
    except RecursionError:
        return "nested too deeply"
    except exceptions.ParseError as error:
        return f"not JMESPath, at character {error.lex_position + 1}: {str(error).splitlines()[0]}"
    except exceptions.JMESPathError as error:
        return f"not JMESPath: {error}"


def holds(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether JMESPath takes a value for true: everything but null, false and what is empty."""
    return not (value is None or value is False or value in ("", [], {}))


def _path(names: list[str]) -> Reader:
    """Follow plain names, many times faster than the library does."""
    if len(names) == 1:
        [only] = names
        return lambda document: document.get(only) if isinstance(document, dict) else None

    def read(document: Any) -> Any:  # noqa: ANN401 - JSON
        for name in names:
            if not isinstance(document, dict):
                return None
            document = document.get(name)
        return document

    return read


def _unknown_function(node: dict[str, Any]) -> str:
    """Find calls that the library would only refuse when a message comes."""
    if node["type"] == "function_expression":
        known = functions.Functions.FUNCTION_TABLE.get(node["value"])
        if known is None:
            return f"no function is named {node['value']!r}"
        signature, given = known["signature"], len(node["children"])
        if given != len(signature) and not any(each.get("variadic") for each in signature):
            return f"{node['value']}() takes {len(signature)} arguments, not {given}"
    for child in node["children"]:
        if isinstance(child, dict) and (fault := _unknown_function(child)):
            return fault
    return ""
