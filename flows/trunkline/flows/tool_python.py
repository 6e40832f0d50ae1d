"""Python functions as tools: ``@tool`` in a module that the operator named in the settings.

A flow says ``python: "shop.orders:order_status"``. Which modules may be named that way is decided
by ``TRUNKLINE_TOOL_MODULES``, never by a flow: they are imported once, when the process begins, and
nothing else is. The JSON Schema of a tool's arguments comes from the function's signature.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import inspect
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast, get_type_hints, overload

import orjson
from pydantic import BaseModel, ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic import create_model as pydantic_model

from trunkline.domain.errors import ConfigError
from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.tool_context import ToolContext
from trunkline.flows.tool_validation import bad_answer, mapped_result
from trunkline.flows.tools import PythonTransport, ToolError, ToolFault, ToolSpec
from trunkline.runtime.logging import get_logger

__all__ = ["PythonTool", "PythonTools", "ToolContext", "ToolRefused", "import_tool_modules", "tool"]

log = get_logger(__name__)

_F = TypeVar("_F", bound=Callable[..., Any])
_THREADS: Final = 16
_MAX_RESULT_BYTES: Final = 256 * 1024
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


class ToolRefused(Exception):
    """Raised by a tool's function to say no in a way that a flow can route on.

    ``code`` is lower-case letters, digits and _; ``message`` is for the model and the transcript.
    """

    def __init__(self, code: str, message: str = "", *, is_retryable: bool = False) -> None:
        super().__init__(code)
        self.code = code if _CODE.fullmatch(code) else "refused"
        self.message = message or "the tool refused"
        self.is_retryable = is_retryable


@dataclass(frozen=True, slots=True)
class PythonTool:
    """A decorated function with what its signature says; ``context`` names the parameter, if any,
    that is given the run's ToolContext and is no argument.
    """

    target: str
    function: Callable[..., Any]
    description: str
    parameters: Mapping[str, Json]
    returns: Mapping[str, Json]
    context: str | None
    is_async: bool
    arguments: type[BaseModel]
    result: TypeAdapter[Any]


_registered: Final[dict[str, PythonTool]] = {}
_allowed: Final[set[str]] = set()


@overload
def tool(function: _F, /) -> _F: ...
@overload
def tool(*, name: str = ..., description: str = ...) -> Callable[[_F], _F]: ...
def tool(function: _F | None = None, /, *, name: str = "", description: str = "") -> Any:
    """Make a function a tool; it stays callable as it was.

    The description is the docstring's first paragraph unless given. A function that is not
    ``async`` runs in a thread. Raises ConfigError for a signature that gives no JSON Schema.
    """

    def register(function: _F) -> _F:
        made = _describe(function, name or function.__name__, description)
        _registered[made.target] = made
        return function

    return register if function is None else register(function)


def import_tool_modules(names: Iterable[str]) -> None:
    """Import the operator's modules and admit their tools to flows; ConfigError names the bad one.

    Once per process is enough; again does no harm.
    """
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as exc:  # whatever a module does when imported, the operator must hear of
            message = f"TRUNKLINE_TOOL_MODULES names {name}: {type(exc).__name__}: {exc}"
            raise ConfigError(message) from exc
        _allowed.add(name)


def find_tool(target: str) -> PythonTool | None:
    """The tool of that ``module:name``, if its module is one that the operator named."""
    return _registered.get(target) if target.partition(":")[0] in _allowed else None


def known_targets() -> tuple[str, ...]:
    """Every ``module:name`` that a flow may use in this process."""
    return tuple(sorted(name for name in _registered if name.partition(":")[0] in _allowed))


def _describe(function: Callable[..., Any], name: str, description: str) -> PythonTool:
    target = f"{function.__module__}:{name}"
    try:
        # Names of types are looked up where they are used: the caller's locals are not reached.
        hints = get_type_hints(function, include_extras=True)
        context, fields = None, {}
        for parameter in inspect.signature(function).parameters.values():
            hint = hints.get(parameter.name, Any)
            if hint is ToolContext:
                context = parameter.name
                continue
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise ConfigError(f"{target}: {parameter} cannot be an argument of a tool")
            has_default = parameter.default is not parameter.empty
            fields[parameter.name] = (hint, parameter.default if has_default else ...)
        arguments = pydantic_model(
            name, __config__=ConfigDict(extra="forbid"), **cast(dict[str, Any], fields)
        )
        result: TypeAdapter[Any] = TypeAdapter(hints.get("return", Any))
        parameters = _plain(arguments.model_json_schema())
        returns = _plain(result.json_schema(mode="serialization"))
    except (NameError, TypeError, ValueError, PydanticUserError) as exc:
        raise ConfigError(f"{target}: no JSON Schema can be made of it: {exc}") from exc
    documented = inspect.cleandoc(function.__doc__ or "").partition("\n\n")[0]
    return PythonTool(
        target=target,
        function=function,
        description=description or " ".join(documented.split()),
        parameters={"type": "object", "properties": {}, **parameters},
        returns=returns,
        context=context,
        is_async=inspect.iscoroutinefunction(function),
        arguments=arguments,
        result=result,
    )


def _plain(schema: Any) -> Any:
    """Without the titles that pydantic makes up; ``properties`` are names, not keywords."""
    if isinstance(schema, list):
        return [_plain(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {}
    for key, entry in schema.items():
        if key in ("properties", "$defs") and isinstance(entry, dict):
            plain[key] = {name: _plain(inner) for name, inner in entry.items()}
        elif key in ("default", "const", "enum", "examples"):
            plain[key] = entry
        elif key != "title":
            plain[key] = _plain(entry)
    return plain


class PythonTools:
    """Runs them: ``async`` ones on the loop, the others in at most 16 threads.

    A thread cannot be ended. One whose run has timed out goes on holding its place until it comes
    back, so that functions that hang can use up places but never the machine.
    """

    def __init__(self, threads: int = _THREADS) -> None:
        self._places = asyncio.Semaphore(threads)

    async def aclose(self) -> None:
        """Nothing to wait for: threads are daemons, and their results are no longer wanted."""

    async def run(
        self,
        tool: ToolSpec,
        transport: PythonTransport,
        arguments: Mapping[str, Json],
        context: ToolContext,
    ) -> Json:
        """The result as JSON; raises ToolFault. The caller bounds the time."""
        found = find_tool(transport.target)
        if found is None:
            message = f"no module in TRUNKLINE_TOOL_MODULES has the tool {transport.target}"
            raise ToolFault(ToolError("unknown_tool", message))
        call = _bound(found, arguments, context)
        try:
            value = await (call() if found.is_async else self._in_thread(call))
        except ToolRefused as exc:
            error = ToolError(exc.code, exc.message, is_retryable=exc.is_retryable)
            raise ToolFault(error) from None
        except Exception as exc:  # somebody else's code: any error of it is the tool's failure
            # Neither the text nor the traceback's values: they may hold what the caller said.
            frame = _last_line(exc)
            log.error("a tool raised", tool=tool.name, error=type(exc).__name__, where=frame)
            error = ToolError("tool_raised", f"the tool raised {type(exc).__name__}")
            raise ToolFault(error, blames_service=True) from None
        return _json(found, tool, value)

    async def _in_thread(self, call: Callable[[], Any]) -> Any:
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[tuple[Any, Exception | None]] = loop.create_future()

        def settle(value: Any, error: Exception | None) -> None:
            self._places.release()
            if not done.done():
                done.set_result((value, error))

        def work() -> None:
            value, error = None, None
            try:
                value = call()
            except Exception as exc:  # carried over to the loop and raised there
                error = exc
            with suppress(RuntimeError):  # the loop is gone, and with it whoever waited
                loop.call_soon_threadsafe(settle, value, error)

        context = contextvars.copy_context()
        # A daemon: a function that never returns must not keep the process from ending.
        threading.Thread(target=context.run, args=(work,), name="tool", daemon=True).start()
        value, error = await done
        if error is not None:
            raise error
        return value


def _bound(
    found: PythonTool, arguments: Mapping[str, Json], context: ToolContext
) -> Callable[[], Any]:
    try:
        taken = found.arguments.model_validate_json(orjson.dumps(dict(arguments)))
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"{where or 'the whole'}: {first['msg']}"
        error = ToolError("invalid_arguments", message, param=where or None)
        raise ToolFault(error, ToolOutcome.INVALID) from None
    values = {name: getattr(taken, name) for name in type(taken).model_fields}
    if found.context is not None:
        values[found.context] = context
    return lambda: found.function(**values)


def _json(found: PythonTool, tool: ToolSpec, value: Any) -> Json:
    try:
        text = found.result.dump_json(found.result.validate_python(value), warnings="error")
    except (ValidationError, ValueError, TypeError, RecursionError):
        raise bad_answer("the tool returned something other than it declares") from None
    if len(text) > _MAX_RESULT_BYTES:
        raise ToolFault(ToolError("answer_too_large", f"over {_MAX_RESULT_BYTES} bytes"))
    return mapped_result({}, tool.returns, orjson.loads(text))


def _last_line(exc: Exception) -> str:
    """``module:line`` where it was raised."""
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
