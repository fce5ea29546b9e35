"""CLIPs by the names of the open_clip package, which is needed for these names alone (requirements-openclip.txt)."""
import difflib
import functools
from pathlib import Path
from types import ModuleType

from compat.errors import UserError

from .clip_configs import open_clip_details
from .clip_details import Details

PREFIX = "open_clip:"
SHAPE = f"{PREFIX}ARCHITECTURE/PRETRAINED or {PREFIX}ARCHITECTURE@FILE"


def split_name(name: str) -> tuple[str, str, str]:
    """(architecture, tag of trained weights, file) of a name; one of the latter is "".

    Raises:
        UserError: it has neither.
    """
    architecture, _, file = name.removeprefix(PREFIX).partition("@")
    tag = ""
    if not file:
        architecture, _, tag = architecture.rpartition("/")
    if not architecture or not (tag or file):
        raise UserError(f"MODEL.BACKBONE.NAME {name!r} is incomplete: give {SHAPE}")
    return architecture.replace("/", "-"), tag, file  # open_clip has ViT-B-32, OpenAI ViT-B/32


def open_clip_weights(name: str) -> tuple[Path, Details]:
    """File of a CLIP's weights, downloaded by the package if need be, and what its tables say of them.

    Raises:
        UserError: the package is missing, does not know the name, builds another kind of model under it, or cannot
            download it; or there is no such file.
    """
    architecture, tag, file = split_name(name)
    if file and not Path(file).is_file():
        raise UserError(f"MODEL.BACKBONE.NAME {name!r}: there is no file {file!r}")
    package = _package()
    known = package.list_models()
    if architecture not in known:
        near = difflib.get_close_matches(architecture, known, n=1, cutoff=0.0)
        raise UserError(f"{name!r}: open_clip has no architecture {architecture!r}: did you mean {near[0]!r}?")
    config = package.get_model_config(architecture)
    if file:
        return Path(file), open_clip_details(config, name)
    entry = package.get_pretrained_cfg(architecture, tag)
    if not entry:
        tags = package.list_pretrained_tags_by_model(architecture)
        raise UserError(f"{name!r}: open_clip has no weights {tag!r} of {architecture}: give one of "
                        f"{', '.join(tags) or 'another architecture'}, or {PREFIX}{architecture}@FILE")
    details = open_clip_details(config, name, entry, openai=tag.lower() == "openai")
    try:
        return Path(package.download_pretrained(entry)), details
    except Exception as error:  # those of urllib, of huggingface_hub and of the package itself
        raise UserError(f"{name!r} cannot be downloaded ({' '.join(str(error).split())[:200]}): fetch its file by "
                        f"hand, and give {PREFIX}{architecture}@FILE") from error


@functools.cache
def _package() -> ModuleType:
    try:
        import open_clip
    except ImportError as error:
        raise UserError(f"names that begin with {PREFIX} need the package open_clip_torch ({error}): "
                        "pip install -r requirements-openclip.txt") from error
    return open_clip
