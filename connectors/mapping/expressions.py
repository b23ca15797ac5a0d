"""JMESPath (https://jmespath.org), compiled once, and bounded in what it may cost."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jmespath
from jmespath import exceptions, functions, visitor

from connectors.errors import BadInput
from connectors.mapping.bounds import too_costly
from connectors.mapping.documents import parse, text_in_base64

if TYPE_CHECKING:
    from connectors.mapping.bounds import Work

Reader = Callable[[Any, Any], Any]
"""Finds a value in a part of a message, given that and the whole; None where there is none."""
PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_ROOT = "$."
_QUOTED_OR_ROOT = re.compile(
    r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`|\$""", re.DOTALL
)
_WHOLE = "message()"
"""What `$` is spelled as, since JMESPath itself does not have it."""
_LISTS = {
    "filter_projection", "flatten", "multi_select_list", "projection", "slice", "value_projection",
}  # fmt: skip
_STEPS_A_CALL = 4
_PARTS_A_STEP = 16


class Functions(functions.Functions):
    """The functions of JMESPath, two for what stands in a string, and one for the whole message.

    Attributes:
        message: What the last one returns.
    """

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work
        self.message: object = None

    def call_function(self, function_name: str, resolved_args: list[Any]) -> Any:  # noqa: ANN401 - JSON
        self._work.spend(_STEPS_A_CALL)
        self._work.spend_on(_cost(function_name, resolved_args))
        if function_name == "contains" and isinstance(resolved_args[-1], list | dict):
            _spend_on_parts(self._work, resolved_args[0])
        found = super().call_function(function_name, resolved_args)
        if isinstance(found, str):
            self._work.spend_on(len(found))
        return found

    @functions.signature({"types": []})
    def _func_parse_json(self, value: object) -> object:
        return parse(value) if isinstance(value, str) else value

    @functions.signature({"types": []})
    def _func_parse_base64(self, value: object) -> object:
        return text_in_base64(value) if isinstance(value, str) else value

    @functions.signature()
    def _func_message(self) -> object:
        return self.message


class Interpreter(visitor.TreeInterpreter):
    """Evaluates expressions, a step for each of their parts and each value that one looks at."""

    def __init__(self, work: Work) -> None:
        self.functions = Functions(work)
        super().__init__(visitor.Options(custom_functions=self.functions))
        self._work = work
        compare = visitor.TreeInterpreter.COMPARATOR_FUNC
        self.COMPARATOR_FUNC = compare | {
            name: self._charged(compare[name]) for name in self._EQUALITY_OPS
        }

    def visit(self, node: dict[str, Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - JSON
        # `spend` itself would cost as much as the step
        self._work.left -= 1
        if self._work.left < 0:
            raise too_costly()
        return super().visit(node, *args, **kwargs)

    def visit_flatten(self, node: dict[str, Any], value: Any) -> Any:  # noqa: ANN401 - JSON
        """Join lists, once their elements are charged: the same long one may come many times."""
        base = self.visit(node["children"][0], value)
        if isinstance(base, list):
            self._work.spend_on(sum(len(each) for each in base if isinstance(each, list)))
        literal = {"type": "literal", "children": [], "value": base}
        return super().visit_flatten({**node, "children": [literal]}, value)

    def _charged(self, compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
        """Return a comparison that first charges what it costs to look into two values."""

        def charged(left: Any, right: Any) -> bool:  # noqa: ANN401 - JSON
            if isinstance(left, list | dict) and isinstance(right, list | dict):
                _spend_on_parts(self._work, left)
            return compare(left, right)

        return charged


def compile_expression(setting: str, expression: str, interpreter: Interpreter) -> Reader:
    """Return what finds the expression's value.

    Args:
        setting: Where the expression stands; named when it fails.
        expression: JMESPath, in which `$` is the whole message.
        interpreter: Evaluates what is more than a path.

    Raises:
        ValueError: It is no valid expression; the message says where it goes wrong.
    """
    if fault := fault_of(expression):
        raise ValueError(f"{setting} = {expression!r}: {fault}")
    if PATH.fullmatch(bare := expression.removeprefix(_ROOT)):
        return _path(bare.split("."), of_message=bare != expression)
    parsed = _parsed(expression)
    functions_ = interpreter.functions

    def read(part: Any, whole: Any) -> Any:  # noqa: ANN401 - JSON
        functions_.message = whole
        try:
            return interpreter.visit(parsed, part)
        except BadInput as bad:
            raise BadInput(bad.code, f"{setting}: {bad.detail}") from None
        except Exception as error:  # noqa: BLE001 - the library lets Python's own errors through
            # its words may quote the text
            raise BadInput("mapping", f"{setting}: {type(error).__name__}") from None

    return read


def is_of_message(expression: str) -> bool:
    """Whether an expression looks at the whole message from the start."""
    return expression.startswith("$")


def fault_of(expression: str) -> str:
    """Say what is wrong with an expression; nothing where it is valid."""
    try:
        return _unknown_function(_parsed(expression))
    except RecursionError:
        return "nested too deeply"
    except exceptions.ParseError as error:
        before = _rooted(expression)[: error.lex_position].count(_WHOLE)
        place = error.lex_position + 1 - before * (len(_WHOLE) - len("$"))
        said = str(error).splitlines()[0].partition(": Parse error")[0]
        return (
            f"not JMESPath, at character {place}: {said.removeprefix('Bad jmespath expression: ')}"
        )
    except exceptions.JMESPathError as error:
        return f"not JMESPath: {error}"


def gives_list(expression: str) -> bool:
    """Whether a valid expression gives a list, whatever it finds."""
    node = _parsed(expression)
    while node["type"] in {"pipe", "subexpression"}:
        node = node["children"][-1]
    return node["type"] in _LISTS


def holds(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether JMESPath takes a value for true: everything but null, false and what is empty."""
    return not (value is None or value is False or value in ("", [], {}))


def _parsed(expression: str) -> dict[str, Any]:
    tree: dict[str, Any] = jmespath.compile(_rooted(expression)).parsed
    return tree


def _rooted(expression: str) -> str:
    """Return an expression that the library reads, with `$` for the whole message spelled out."""
    return _QUOTED_OR_ROOT.sub(lambda found: _WHOLE if found[0] == "$" else found[0], expression)


def _cost(function: str, arguments: list[Any]) -> int:
    """Return about how many characters or elements a call works through."""
    sizes = [len(each) if isinstance(each, str | list | dict) else 0 for each in arguments]
    if function == "join" and len(arguments) == 2 and isinstance(arguments[1], list):  # noqa: PLR2004 - as JMESPath has it
        parts = sum(len(each) for each in arguments[1] if isinstance(each, str))
        return sizes[0] * sizes[1] + parts
    return sum(sizes)


def _spend_on_parts(work: Work, value: object) -> None:
    """Charge what is in a list or an object, however deep."""
    inside = [value]
    while inside:
        each = inside.pop()
        parts = list(each.values()) if isinstance(each, dict) else each
        if isinstance(parts, list):
            work.spend(1 + len(parts) // _PARTS_A_STEP)
            inside += [part for part in parts if isinstance(part, list | dict)]


def _path(names: list[str], *, of_message: bool) -> Reader:
    """Follow plain names, many times faster than the library does."""
    if len(names) == 1 and not of_message:
        [only] = names
        return lambda part, _: part.get(only) if isinstance(part, dict) else None

    def read(part: Any, whole: Any) -> Any:  # noqa: ANN401 - JSON
        found = whole if of_message else part
        for name in names:
            if not isinstance(found, dict):
                return None
            found = found.get(name)
        return found

    return read


def _unknown_function(node: dict[str, Any]) -> str:
    """Find calls that the library would only refuse when a message comes."""
    if node["type"] == "function_expression":
        known = Functions.FUNCTION_TABLE.get(node["value"])
        if known is None:
            return f"no function is named {node['value']!r}"
        signature, given = known["signature"], len(node["children"])
        if given != len(signature) and not any(each.get("variadic") for each in signature):
            return f"{node['value']}() takes {len(signature)} arguments, not {given}"
    for child in node["children"]:
        if isinstance(child, dict) and (fault := _unknown_function(child)):
            return fault
    return ""
