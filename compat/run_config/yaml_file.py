"""Reading a yaml file of config keys, whatever else it turns out to be."""
import os
import stat
from typing import Any

import yaml

from ..errors import UserError

ENDINGS = (".yaml", ".yml")
LARGEST = 2**20  # bytes; those of this repository have 1,500


class _Loader(yaml.SafeLoader):
    """yaml's own, which takes no key twice and no alias (a few lines of those make gigabytes)."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise UserError(f"line {event.start_mark.line + 1} refers to an anchor: write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise UserError(f"line {key.start_mark.line + 1} gives {key.value!r} a second time: remove one of them")
            seen.add(key.value if isinstance(key.value, str) else None)
        return super().construct_mapping(node, deep)


def read_yaml(path: str) -> dict[Any, Any]:
    """The mapping in a yaml file.

    Raises:
        UserError: it is not there, is no yaml file or holds something else; the sentence does not name the file.
    """
    if not path.lower().endswith(ENDINGS):
        raise UserError(f"give a file that ends in {' or '.join(ENDINGS)}")
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:  # a pipe would be waited for
            raise UserError(f"it is {'too large' if stat.S_ISREG(status.st_mode) else 'no regular file'}: give a yaml "
                            "file of config keys")
        with open(path, encoding="utf-8-sig") as file:
            content = yaml.load(file.read(LARGEST), _Loader)
    except FileNotFoundError as error:
        raise UserError("there is no such file") from error
    except OSError as error:
        raise UserError(f"it cannot be read ({error.strerror}): make it readable") from error
    except UserError:
        raise
    except Exception as error:  # yaml raises many kinds, RecursionError among them
        raise UserError(f"it is no yaml ({' '.join(str(error).split())[:300]}): correct it") from error
    if not isinstance(content, dict):
        raise UserError("it holds no config keys: give lines such as OPTIM: {LR: 0.002}")
    return content
