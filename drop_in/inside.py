"""What runs inside a fork, in a process of its own: reads the fork's config keys, or tries out what was installed.

    python inside.py REQUEST.json      with the fork as working folder; the answer goes into the file that it names

It imports the fork's train.py up to where that parses its command line, so nothing is built and nothing trained. It
imports nothing of this repository, whose packages have the same names as the fork's; on request its engine.
"""
import argparse
import ast
import importlib
import importlib.util
import inspect
import json
import os
import sys
import types
from typing import Any

sys.dont_write_bytecode = True  # the fork stays as it is

PARSERS = ("parse_args", "parse_known_args")
Answer = dict[str, Any]


class Parsed(BaseException):
    """train.py is about to parse its command line; the argument is its parser."""


def reason(error: BaseException) -> str:
    """An error in a line."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0][:300] if text else 'no reason given'}"


def load_train() -> tuple[dict[str, Any], argparse.Namespace]:
    """Names of the fork's train.py, run up to its command line, and that command line with no flag given."""
    with open("train.py", "rb") as file:
        source = file.read()
    parses = any(isinstance(node, ast.Attribute) and node.attr in PARSERS for node in ast.walk(ast.parse(source)))
    module = types.ModuleType("__main__" if parses else "train")  # else nothing would stop it
    module.__file__ = os.path.abspath("train.py")
    sys.modules[module.__name__] = module
    sys.argv = ["train.py"]

    def stopping(original: Any) -> Any:  # noqa: ANN401  a method of argparse
        def parse(parser: argparse.ArgumentParser, *words: Any, **options: Any) -> Any:  # noqa: ANN401  a method, too
            if sys._getframe(1).f_globals is module.__dict__:
                raise Parsed(parser)
            return original(parser, *words, **options)
        return parse

    originals = {name: getattr(argparse.ArgumentParser, name) for name in PARSERS}
    for name, original in originals.items():
        setattr(argparse.ArgumentParser, name, stopping(original))
    flags: dict[str, Any] = {}
    try:
        exec(compile(source, module.__file__, "exec"), module.__dict__)
    except Parsed as stopped:
        actions = [action for action in stopped.args[0]._actions if action.default is not argparse.SUPPRESS]
        flags = {action.dest: stopped.args[0].get_default(action.dest) for action in actions}
    finally:
        for name, original in originals.items():
            setattr(argparse.ArgumentParser, name, original)
    return module.__dict__, argparse.Namespace(**{**flags, "opts": []})


def extended(cfg: Any, names: dict[str, Any], flags: argparse.Namespace) -> Any:  # noqa: ANN401  a CfgNode
    """A config with the keys of the fork's extend_cfg, which some give the command line, too."""
    function = names["extend_cfg"]
    needed = [parameter for parameter in inspect.signature(function).parameters.values()
              if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    function(cfg, *[flags][:len(needed) - 1])
    return cfg


def kinds(cfg: Any, prefix: str = "") -> dict[str, str]:  # noqa: ANN401  a CfgNode
    """{"OPTIM.LR": "float", ...}."""
    found: dict[str, str] = {}
    for key, value in cfg.items():
        found |= kinds(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: type(value).__name__}
    return found


def keys_by_import(hosts: dict[str, str]) -> Answer:
    """Keys as the fork sets them itself, and for which of some trainers, {name: module}, it has them registered."""
    names, flags = load_train()
    from dassl.config import get_cfg_default
    from dassl.engine import TRAINER_REGISTRY

    missing = {}
    for host, module in hosts.items():
        try:
            if host not in TRAINER_REGISTRY.registered_names():
                importlib.import_module(module)
        except (Exception, SystemExit) as error:
            missing[host] = reason(error)
    return {"keys": kinds(extended(get_cfg_default(), names, flags)), "missing": missing}


def keys_by_source() -> Answer:
    """Keys that the fork's extend_cfg sets, without anything that train.py imports."""
    from yacs.config import CfgNode

    class Growing(CfgNode):
        """Has every node that is asked for."""

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a node or a value
            if name not in self and name.isupper():
                self[name] = Growing()
            return super().__getattr__(name)

    names: dict[str, Any] = {}
    with open("train.py", "rb") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "yacs.config":
            names.update({alias.asname or alias.name: CfgNode for alias in node.names if alias.name == "CfgNode"})
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "extend_cfg":
            node.body = [line for line in node.body
                         if not ast.unparse(line).startswith("trainers.")]  # of an earlier call
            exec(compile(ast.Module([node], []), "train.py", "exec"), names)
            return {"keys": kinds(extended(Growing(), names, argparse.Namespace()))}
    return {"keys": {}}


def keys(request: Answer) -> Answer:
    """{"keys": {key: kind}, "fault": why train.py could not be imported, or ""}; "missing" if it could."""
    try:
        need_dassl(request)
        return {**keys_by_import(request["hosts"]), "fault": ""}
    except (Exception, SystemExit) as error:
        fault = reason(error)
    try:
        return {**keys_by_source(), "fault": fault}
    except (Exception, SystemExit) as error:
        return {"keys": {}, "fault": f"{fault}; extend_cfg alone: {reason(error)}"}


def need_dassl(request: Answer) -> None:
    """Make the bundled engine importable where the request says so; ModuleNotFoundError if there is no Dassl."""
    if request["compat"]:
        spec = importlib.util.spec_from_file_location("compat", os.path.join(request["compat"], "__init__.py"),
                                                      submodule_search_locations=[request["compat"]])
        assert spec is not None and spec.loader is not None
        package = sys.modules["compat"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(package)
        package.resolve_dassl()
    elif importlib.util.find_spec("dassl") is None:
        raise ModuleNotFoundError("no Dassl can be imported here (--with-engine brings one)")


def check(request: Answer) -> Answer:
    """{"fault": what does not work of what was installed, or ""}."""
    try:
        step = "importing train.py"
        names, flags = load_train()
        from dassl.config import get_cfg_default
        from dassl.engine import TRAINER_REGISTRY

        step = "registering"
        lacking = sorted(set(request["trainers"]) - set(TRAINER_REGISTRY.registered_names()))
        if lacking:
            raise LookupError(f"{', '.join(lacking)} is not among the registered trainers")

        def fork_config(file: str, trainer: str) -> None:
            flags.config_file, flags.trainer = file, trainer
            names["setup_cfg"](flags)

        def plain_config(file: str, trainer: str) -> None:
            cfg = extended(get_cfg_default(), names, flags)
            if file:
                cfg.merge_from_file(file)
            cfg.merge_from_list(["TRAINER.NAME", trainer])

        merge = fork_config
        try:
            merge("", "")
        except (Exception, SystemExit):  # there is none, or it needs flags that nobody knows here
            merge = plain_config
        for file, trainer in request["files"].items():
            step = f"merging {file}"
            merge(file, trainer)
    except (Exception, SystemExit) as error:
        return {"fault": f"{step}: {reason(error)}"}
    return {"fault": ""}


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        asked = json.load(file)
    sys.path[0] = os.getcwd()
    answer = {"keys": keys, "check": check}[asked["action"]](asked)
    with open(asked["answer"], "w", encoding="utf-8") as file:
        json.dump(answer, file)
