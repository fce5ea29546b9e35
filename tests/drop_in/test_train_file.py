"""The lines that train.py gets: where they go, and that they come out again."""
import pytest

from compat.errors import UserError
from drop_in.train_file import edited, restored


def body(source):
    return edited(source, ["trainers.mao"]).decode()


def test_lines_go_behind_the_imports_and_to_the_start_of_the_function():
    assert body(b'"""Doc."""\nfrom __future__ import annotations\nimport dassl\n'
                b'from a import (\n    b,\n)\n\nx = 1\n\n\n'
                b'def extend_cfg(config):\n    """Doc."""\n    # note\n    config.A = 1\n') == (
        '"""Doc."""\nfrom __future__ import annotations\nimport dassl\nfrom a import (\n    b,\n)\n'
        'import trainers.mao  # MAO drop-in\n\nx = 1\n\n\n'
        'def extend_cfg(config):\n    """Doc."""\n    # note\n'
        '    trainers.mao.extend_cfg(config)  # MAO drop-in\n    config.A = 1\n')


def test_engine_line_comes_before_the_first_import():
    source = (b'#!/usr/bin/env python\n"""Doc."""\nfrom __future__ import annotations\nimport torch\n\n\n'
              b'def extend_cfg(c):\n    pass')
    lines = edited(source, ["trainers.mao"], with_engine=True).decode().split("\n")
    assert lines[2:6] == ["from __future__ import annotations", "import compat; compat.resolve_dassl()  # MAO drop-in",
                          "import torch", "import trainers.mao  # MAO drop-in"]
    assert lines[-2:] == ["    trainers.mao.extend_cfg(c)  # MAO drop-in", "    pass"]


@pytest.mark.parametrize("source", [
    b"import dassl\r\n\r\ndef extend_cfg(cfg):\r\n\tcfg.A = 1",
    b"try:\n    import dassl\nexcept ImportError:\n    dassl = None\n\n\n"
    b"def extend_cfg(cfg):\n    @decorate\n    def f():\n        pass\n",
    b"def extend_cfg(cfg):\n    '''Only a docstring.'''\n\n\nimport dassl\n",
    "\ufeffimport dassl  # \u00e9\n\n\nclass A:\n    pass\n\n\ndef extend_cfg(cfg, *rest):\n    return cfg\n".encode(),
    b"# -*- coding: latin-1 -*-\nimport dassl  # \xe9\ndef extend_cfg(cfg):\n    pass\n",
    b"import dassl\nif True:\n    def extend_cfg(cfg):\n        cfg.A = 1\n",
])
def test_lines_come_out_again(source):
    new = edited(source, ["trainers.coop", "trainers.mao"], with_engine=True)
    assert new.count(b"# MAO drop-in") == 5 and restored(new) == source
    assert new.count(b"\r\n") == (source.count(b"\r\n") and new.count(b"\n"))
    assert edited(new, ["trainers.coop", "trainers.mao"], with_engine=True) == new


def test_no_function_is_said_without_a_file():
    with pytest.raises(UserError, match="has no function extend_cfg"):
        edited(b"import dassl\n", ["trainers.mao"])
