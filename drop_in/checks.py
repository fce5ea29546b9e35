"""Asks a fork itself: which config keys it has before anything is written, and whether all works afterwards."""
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compat.errors import UserError

from .contents import HERE

INSIDE = Path(__file__).with_name("inside.py")
SECONDS = 600  # imports over a network may take long


@dataclass(frozen=True)
class ForkKeys:
    """A fork's config.

    Attributes:
        kinds: {"TRAINER.COOP.CTX_INIT": "bool", ...}, of the defaults.
        fault: why train.py cannot be imported, so that ``kinds`` is from its source alone; "" if it can.
        missing: {trainer that is not registered, though a file has it: why}.
    """

    kinds: dict[str, str]
    fault: str = ""
    missing: dict[str, str] = field(default_factory=dict)


def run_process(root: Path, request: Path) -> tuple[int, str]:
    """Run ``inside.py`` in a fork with this Python; (exit code, what it printed)."""
    done = subprocess.run([sys.executable, str(INSIDE), str(request)], cwd=root, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", timeout=SECONDS)
    return done.returncode, done.stdout


def ask(root: Path, action: str, **facts: object) -> dict[str, Any]:
    """What ``inside.py`` answers; of a process that died, the entry ``fault`` alone."""
    with tempfile.TemporaryDirectory() as folder:
        request, answer = Path(folder) / "request.json", Path(folder) / "answer.json"
        request.write_text(json.dumps({"action": action, "answer": str(answer), **facts}), encoding="utf-8")
        try:
            code, printed = run_process(root, request)
        except subprocess.TimeoutExpired:
            return {"fault": f"train.py did not come to its command line in {SECONDS} s"}
        if not answer.exists():
            return {"fault": f"the process ended with code {code}: {(printed.strip().splitlines() or [''])[-1][:300]}"}
        return json.loads(answer.read_text(encoding="utf-8"))


def read_keys(root: Path, modules: Mapping[str, str], with_engine: bool) -> ForkKeys:
    """The config keys of a fork, by its own code.

    Args:
        root: the fork. modules: {trainer that is to get a MAO variant: module that the plug-in looks for it in}.
        with_engine: the fork is to have this repository's engine, where no installed Dassl works.
    """
    there = root / "compat"  # of an earlier call
    compat = there if (there / "dassl").exists() else HERE / "compat"
    said = ask(root, "keys", hosts=dict(modules), compat=str(compat) if with_engine else "")
    return ForkKeys(said.get("keys", {}), said["fault"], said.get("missing", {}))


def check_works(root: Path, hosts: Sequence[str], files: Mapping[str, str]) -> None:
    """Try out what was installed in a fork: imports, registration, and a merge of each copied yaml.

    Args:
        root: the fork. hosts: trainers that have a MAO variant now. files: {copied yaml: trainer that it is for}.

    Raises:
        UserError: something of it does not work.
    """
    fault = ask(root, "check", trainers=[f"{host}_MAO" for host in hosts], files=dict(files))["fault"]
    if fault:
        raise UserError(f"MAO does not work in {str(root)!r} ({fault}): nothing of it was kept; mend that, or install "
                        "by hand (docs/drop_in.md)")
