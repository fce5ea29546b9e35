"""The marked lines in a fork's train.py: where they go, and how they come out again.

Works on bytes and only ever puts whole lines before lines that are there, so that line endings, tabs, encoding and a
last line without an end stay as they are, and removing the marked lines gives the original back.
"""
import ast
import codecs
from collections.abc import Iterator, Sequence

from compat.errors import UserError

MARK = b"  # MAO drop-in"
ENGINE_LINE = "import compat; compat.resolve_dassl()"


def edited(source: bytes, modules: Sequence[str], with_engine: bool = False) -> bytes:
    """A train.py with the lines that import and configure trainers.

    Args:
        source: content of the file, with or without lines of an earlier call.
        modules: such as "trainers.mao"; each has an ``extend_cfg``.
        with_engine: also choose the Dassl to run on, before Dassl is imported.

    Raises:
        UserError: the file is not Python, or has no extend_cfg that lines can be put into.
    """
    bom, source = without_bom(restored(source))
    tree = parse(source)
    function = next((node for node in ast.walk(tree)
                     if isinstance(node, ast.FunctionDef) and node.name == "extend_cfg"), None)
    if function is None or not function.args.args:
        raise UserError("train.py has no function extend_cfg(cfg), which adds config keys in repositories of the "
                        "CoOp family: add one that is called before config files are merged, or do the three steps "
                        "of docs/drop_in.md by hand")
    body = function.body
    statement = body[1] if len(body) > 1 and is_docstring(body[0]) else body[0]
    if statement.lineno == function.lineno:
        raise UserError(f"extend_cfg in train.py is written in one line ({function.lineno}): put its body into a "
                        "line of its own")
    argument = function.args.args[0].arg
    lines = source.split(b"\n")
    indent = lines[first_line(statement) - 1][:statement.col_offset].decode()
    insertions = [(first_line(statement), [f"{indent}{module}.extend_cfg({argument})" for module in modules]),
                  (line_after_imports(tree), [f"import {module}" for module in modules])]
    if with_engine:
        insertions.append((first_import(tree), [ENGINE_LINE]))
    for number, new in sorted(insertions, key=lambda insertion: insertion[0], reverse=True):
        ending = b"\r\n" if lines[max(number - 2, 0)].endswith(b"\r") else b"\n"
        lines[number - 1:number - 1] = [line.encode() + MARK + ending[:-1] for line in new]
    result = bom + b"\n".join(lines)
    parse(result)
    return result


def restored(source: bytes) -> bytes:
    """A train.py without the marked lines."""
    bom, source = without_bom(source)
    return bom + b"\n".join(line for line in source.split(b"\n") if not line.rstrip(b"\r").endswith(MARK))


def without_bom(source: bytes) -> tuple[bytes, bytes]:
    """(byte order mark or nothing, the rest): the mark stays in front of whatever comes first."""
    bom = codecs.BOM_UTF8 if source.startswith(codecs.BOM_UTF8) else b""
    return bom, source[len(bom):]


def parse(source: bytes) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise UserError(f"train.py cannot be read as Python ({error}): mend it first") from error


def is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def first_line(node: ast.stmt) -> int:
    """Number of the first line of a statement, its decorators included."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])


def imports_something(node: ast.stmt) -> bool:
    return any(isinstance(inner, (ast.Import, ast.ImportFrom)) for inner in ast.walk(node))


def before_definitions(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module before its first function or class."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            return
        yield node


def line_after_imports(tree: ast.Module) -> int:
    """Number of the line behind the imports at the top of a module (also those in ``try`` or ``if``)."""
    importing = [node for node in before_definitions(tree) if imports_something(node)]
    return (importing[-1].end_lineno or importing[-1].lineno) + 1 if importing else first_statement(tree)


def first_import(tree: ast.Module) -> int:
    """Number of the line of the first import that is not from __future__."""
    for node in tree.body:
        if imports_something(node) and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            return first_line(node)
    return first_statement(tree)


def first_statement(tree: ast.Module) -> int:
    """Number of the line of the first statement that is neither the docstring nor from __future__."""
    return next(first_line(node) for node in tree.body if not is_docstring(node)
                and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"))
