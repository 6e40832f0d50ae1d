#!/usr/bin/env python3
"""Writes typings/pjsua2.pyi from a pjsua2.py that SWIG made with C++ annotations.

scripts/stub_pjsua2.py SOURCE_DIR, where SOURCE_DIR is an unpacked and configured pjproject.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NATIVE = ROOT / "sip" / "native"

HEAD = '''"""Types of pjsua2 as Trunkline builds it (sip/native); written by scripts/stub_pjsua2.py.

Enumerations are plain integers in the binding. Every method may raise `Error`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

_Bytes = bytes | bytearray | memoryview
_T = TypeVar("_T")

class _Vector(Generic[_T]):
    def __init__(self, items: Iterable[_T] = ...) -> None: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_T]: ...
    def __getitem__(self, index: int) -> _T: ...
    def append(self, x: _T) -> None: ...
    def push_back(self, x: _T) -> None: ...
    def clear(self) -> None: ...
    def size(self) -> int: ...

class Error(Exception):
    status: int
    title: str
    reason: str
    srcFile: str
    srcLine: int
    def info(self, multi_line: bool = False) -> str: ...
'''

SKIPPED = re.compile(
    r"Vid|Video|Json|Window|Container|Persistent|SwigPy|^Error$|^_|ByteVector|^StringToStringMap$"
)
HIDDEN = {"thisown", "__repr__", "__swig_destroy__", "__disown__", "iterator", "__nonzero__"}
INTEGER = re.compile(
    r"^(unsigned|signed|int|long|short|char|size_t|(pj|pjsip|pjsua|pjmedia)_\w+|pj::Token|Token)\b"
)
BYTES = {("read", "return"): "bytes", ("write", "return"): "int"}


class Stub:
    def __init__(self, module: ast.Module) -> None:
        self.module = module
        self.classes = {n.name for n in module.body if isinstance(n, ast.ClassDef)}
        self.templates: dict[str, str] = {}

    def learn_templates(self, interface: str) -> None:
        for name, element in re.findall(r"%template\((\w+)\)\s*std::vector<(.+?)>;", interface):
            self.templates[re.sub(r"\s", "", element)] = name

    def python_type(self, cpp: str) -> str:
        name = re.sub(r"\bconst\b|\benum\b|&", "", cpp).strip()
        vector = re.match(r"^std::vector<\s*([^,]+?)\s*(,.*)?>\s*\*?$", name)
        if vector:
            return self.templates.get(re.sub(r"\s", "", vector.group(1)), "Any")
        pointer = name.endswith("*")
        name = name.rstrip("* ").strip()
        bare = name.removeprefix("pj::").removeprefix("std::")
        if bare in ("string", "SocketAddress"):
            return "str"
        if bare in ("TransportId", "TransportHandle", "MediaTransport", "MediaStream", "MediaPort"):
            return "int"
        if bare in self.classes:
            return "Any" if SKIPPED.search(bare) else bare
        if name == "void":
            return "int" if pointer else "None"
        if pointer:
            return "Any"
        if name in ("bool", "float", "double"):
            return "float" if name == "double" else name
        return "int" if INTEGER.match(name) else "Any"

    def annotation(self, node: ast.expr | None, owner: str, place: str) -> str:
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            return "None" if place == "return" and owner == "__init__" else "Any"
        if node.value.startswith("PyObject"):
            return BYTES.get((owner, place), "_Bytes")
        return self.python_type(node.value)

    def function(self, node: ast.FunctionDef, indent: str) -> list[str]:
        lines = [f"{indent}@{ast.unparse(decorator)}" for decorator in node.decorator_list]
        arguments = []
        given = node.args.args
        first_default = len(given) - len(node.args.defaults)
        for index, argument in enumerate(given):
            if argument.arg == "self":
                arguments.append("self")
                continue
            text = f"{argument.arg}: {self.annotation(argument.annotation, node.name, 'in')}"
            if index >= first_default:
                text += " = ..."
            arguments.append(text)
        if node.args.vararg:
            arguments.append(f"*{node.args.vararg.arg}: Any")
        result = (
            "None"
            if node.name == "__init__"
            else self.annotation(node.returns, node.name, "return")
        )
        lines.append(f"{indent}def {node.name}({', '.join(arguments)}) -> {result}: ...")
        return lines

    def class_lines(self, node: ast.ClassDef) -> list[str]:
        element = next((e for e, n in self.templates.items() if n == node.name), None)
        if element is not None:
            return [f"class {node.name}(_Vector[{self.python_type(element)}]): ..."]
        bases = [name for base in node.bases if (name := ast.unparse(base)) in self.classes]
        bases = [name for name in bases if not SKIPPED.search(name)]
        lines = [f"class {node.name}({', '.join(bases)}):" if bases else f"class {node.name}:"]
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name not in HIDDEN:
                lines += self.function(item, "    ")
            elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                kind = self.annotation(item.annotation, item.target.id, "field")
                lines.append(f"    {item.target.id}: {kind}")
        return lines if len(lines) > 1 else [lines[0] + " ..."]

    def text(self) -> str:
        constants, classes = [], []
        for node in self.module.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if re.match(r"^(PJ|pj|INVALID)", name) and not SKIPPED.search(name):
                    constants.append(f"{name}: int")
            elif isinstance(node, ast.FunctionDef) and node.name.startswith("pj_"):
                constants += self.function(node, "")
            elif isinstance(node, ast.ClassDef) and not SKIPPED.search(node.name):
                classes.append("\n".join(self.class_lines(node)))
        return HEAD + "\n" + "\n".join(constants) + "\n\n" + "\n\n".join(classes) + "\n"


def main() -> None:
    source = Path(sys.argv[1])
    swig_dir = source / "pjsip-apps/src/swig"
    libraries = ("pjlib", "pjlib-util", "pjnath", "pjmedia", "pjsip")
    includes = [f"-I{NATIVE}", f"-I{swig_dir}", *(f"-I{source}/{lib}/include" for lib in libraries)]
    with tempfile.TemporaryDirectory() as work:
        annotated = Path(work) / "annotated.i"
        annotated.write_text(
            '%module(directors="1") pjsua2\n%feature("python:annotations", "c");\n'
            '%include "pjsua2_trunkline.i"\n'
        )
        subprocess.run(
            [
                "swig",
                "-c++",
                "-python",
                "-threads",
                "-w312",
                *includes,
                "-outdir",
                work,
                "-o",
                f"{work}/wrap.cpp",
                str(annotated),
            ],
            check=True,
        )
        stub = Stub(ast.parse((Path(work) / "pjsua2.py").read_text()))
    stub.learn_templates((swig_dir / "pjsua2.i").read_text())
    (ROOT / "typings" / "pjsua2.pyi").write_text(stub.text())


if __name__ == "__main__":
    main()
