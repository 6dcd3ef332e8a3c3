"""What `import gantool` offers, and what it does not load."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import gantool


def test_every_public_name_resolves_to_its_home() -> None:
    assert gantool.__all__ == sorted(gantool.__all__)
    homes = {name: module for module, names in gantool._MODULES.items() for name in names}
    assert {*homes, "__version__", "interface_version"} == set(gantool.__all__)
    for name, module in homes.items():
        assert getattr(gantool, name) is getattr(import_module(module), name)


def test_importing_gantool_imports_neither_torch_nor_pydantic() -> None:
    code = "import sys, gantool; print(sorted({'torch', 'pydantic', 'pluggy'} & set(sys.modules)))"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == "[]"


NEED_TORCH = {"run", "resume", "load", "Dropout", "Frozen", "NoiseSource"}
"""What trains or draws, and what is a torch module itself."""


def test_interfaces_import_no_torch() -> None:
    names = [name for name in gantool.__all__ if name not in NEED_TORCH]
    resolve = f"[getattr(gantool, name) for name in {names}]"
    code = f"import sys, gantool; {resolve}; print('torch' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == "False"
