from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from gantool.interfaces.component import KINDS
from gantool.scaffold.package import Names, package_files, write_package


@dataclass(frozen=True)
class Workshop:
    """An environment in which a new plugin of every kind is installed, editable.

    Attributes:
        python: The environment's interpreter.
        packages: The packages' folders.
    """

    python: Path
    packages: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        return self.packages[0].parent

    def run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return subprocess.run(
            [str(self.python), "-m", module, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Write a plugin of every kind and install them beside the running environment's packages."""
    folder = tmp_path_factory.mktemp("workshop")
    venv.create(folder / "environment", with_pip=False)
    python = folder / "environment" / "bin" / "python"
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    site = folder / "environment" / "lib" / version / "site-packages"
    asked = [sys.executable, "-c", "import json, sys; print(json.dumps(sys.path))"]
    visible = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
    paths = [path for path in visible if Path(path).is_dir()]
    (site / "running.pth").write_text("\n".join(paths), encoding="utf-8")

    packages = []
    for kind in KINDS:
        names = Names(f"sparkle-{kind}", kind)
        root = folder / "packages" / names.distribution
        write_package(root, package_files(names))
        packages.append(root)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    pip += ["--no-index", "--no-deps", "--no-build-isolation"]
    editable = [word for root in packages for word in ("-e", str(root))]
    subprocess.run([*pip, *editable], check=True)
    return Workshop(python, tuple(packages))
