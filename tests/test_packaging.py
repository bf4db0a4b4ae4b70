"""The wheel holds everything and nothing else: editable installs do not notice what is missing from it."""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
FOLDERS = {package: ROOT / folder for package, folder in SETUPTOOLS["package-dir"].items()}


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; the environment's own Python settings do not reach it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def files() -> set[Path]:
    """What a wheel holds; the README's pictures stay in the repository."""
    found = (file for folder in FOLDERS.values() for file in folder.rglob("*") if file.is_file())
    return {file for file in found if file.suffix != ".pyc" and file.parent.name != "pictures"}


def package_of(file: Path) -> str:
    """The package that a file goes to, `environment/faults/loss.py` going to `gridparley.environment.faults`."""
    package, top = next((package, top) for package, top in FOLDERS.items() if file.is_relative_to(top))
    return ".".join([package, *file.parent.relative_to(top).parts])


def folder_of(package: str) -> Path:
    """The folder that a package comes from: `package_of` the other way round."""
    top = max((one for one in FOLDERS if f"{package}.".startswith(f"{one}.")), key=len)
    return FOLDERS[top].joinpath(*package.removeprefix(top).strip(".").split("."))


def test_every_package_of_the_tree_is_listed() -> None:
    in_tree = {package_of(file) for file in files() if file.suffix == ".py"}
    assert sorted(SETUPTOOLS["packages"]) == sorted(in_tree)


def test_every_package_has_an_init() -> None:
    assert not [file for file in files() if file.suffix == ".py" and not (file.parent / "__init__.py").exists()]


def test_every_data_file_of_the_tree_is_listed() -> None:
    patterns = [(folder_of(package), glob) for package, globs in SETUPTOOLS["package-data"].items() for glob in globs]
    listed = {file for folder, glob in patterns for file in folder.glob(glob)}
    assert listed == {file for file in files() if file.suffix != ".py"}
    assert any(file.match("runs/scenario/data/*.toml") for file in listed)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built from a source distribution as for a release, with what is installed already."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with the wheel and this environment's other packages, but not its checkout."""
    target = tmp_path_factory.mktemp("installed")
    venv.create(target, symlinks=True)
    scheme = {"base": str(target), "platbase": str(target)}
    scripts = Path(sysconfig.get_path("scripts", "venv", scheme))
    # Dependencies come from here by a .pth file, and no .pth file of theirs is read: the editable install stays out.
    Path(sysconfig.get_path("purelib", "venv", scheme), "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    pip = (sys.executable, "-m", "pip", "--python", scripts / "python")
    run(*pip, "install", "--no-deps", "--no-index", "--ignore-installed", wheel, cwd=target)
    return scripts


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {Path(*package_of(file).split("."), file.name).as_posix() for file in files()}
    assert names == expected


@pytest.mark.slow
def test_the_module_answers_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    assert "gridparley" in run(installed / "python", "-m", "gridparley", "--help", cwd=tmp_path)


@pytest.mark.slow
def test_the_wheel_is_what_answers(installed: Path, tmp_path: Path) -> None:
    where = run(installed / "python", "-c", "import gridparley.runs as r; print(r.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)


@pytest.mark.slow
def test_the_command_runs_a_scenario_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    assert json.loads(run(installed / "gridparley", "run", "three-microgrids", "--json", cwd=tmp_path))
