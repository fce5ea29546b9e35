"""What the builders share: their command line, and the NOTICE and meta.json beside the archives."""
import argparse
import json
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

from compat.errors import exit_code
from compat.files import write_file

from . import iconify
from .drawing import SIZE
from .notice import notice

DATASETS = Path(__file__).resolve().parents[1] / "datasets"
Meta = dict[str, object]


def provenance(package: Path) -> Meta:
    """The part of meta.json that says where the drawings are from and how they were drawn."""
    return {"source": f"npm @iconify/json {iconify.package_version(package)}",
            "drawn_with": {name: version(name) for name in ("resvg_py", "pillow")}, "image_size": SIZE}


def write_papers(output: Path, package: Path, set_names: Iterable[str], kind: str, title: str, meta: Meta) -> None:
    """Write NOTICE and meta.json.

    Args:
        output: folder to write to. package: folder of the npm package. set_names: sets whose drawings were used.
        kind: of sets, "icon" or "emoji". title: first line of the NOTICE. meta: content of meta.json.
    """
    infos = {name: iconify.read_icon_set(package, name).info for name in set_names}
    write_file(output / "NOTICE", notice(infos, kind, title, iconify.package_version(package)))
    write_file(output / "meta.json", json.dumps(meta, indent=1) + "\n")


def command_line(description: str, folder: str, build: Callable[[Path, Path], Meta], shown: tuple[str, ...]) -> int:
    """Run a builder with the words of its command line; returns the exit code.

    Args:
        description: of the command. folder: below datasets/, where it writes by default.
        build: takes the npm package's folder and the output folder, returns meta.json. shown: keys of it to print.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--package", type=Path, required=True, help="unpacked npm package @iconify/json")
    parser.add_argument("--output", type=Path, default=DATASETS / folder, help="folder to write to (%(default)s)")
    options = parser.parse_args()

    def run() -> None:
        meta = build(options.package, options.output)
        print(json.dumps({key: meta[key] for key in shown}, indent=1))

    return exit_code(run)
