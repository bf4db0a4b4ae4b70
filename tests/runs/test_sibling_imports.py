"""Users' files import what stands beside them, and nothing of anybody else's."""

from __future__ import annotations

import sys

import pytest

from gridparley import Protocol
from gridparley.runs.common.plugin_files import files_beside
from gridparley.runs.common.plugins import find_type, type_name

OWN = """
{head}
from gridparley import Protocol

class Q(Protocol):
    number = {use}

    def late(self):
        import helpers
        return helpers.f()
"""


def load(folder, name="own.py"):
    return find_type(f"{name}:Q", {}, Protocol, where="run.protocol", folder=folder)


@pytest.fixture
def folders(tmp_path):
    for name, number in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "helpers.py").write_text(
            f"from deeper.number import n\n\ndef f():\n    return n + {number}\n"
        )
        (tmp_path / name / "deeper").mkdir()
        (tmp_path / name / "deeper" / "__init__.py").write_text("")
        (tmp_path / name / "deeper" / "number.py").write_text("from .more import n\n")
        (tmp_path / name / "deeper" / "more.py").write_text(f"n = {10 * number}\n")
    return tmp_path / "one", tmp_path / "two"


WAYS = {
    "from helpers import f": "f()",
    "from .helpers import f": "f()",
    "import helpers": "helpers.f()",
    "from . import helpers": "helpers.f()",
    "import helpers as h, json": "h.f()",
    "import deeper.number\nfrom helpers import f": "f() + 0 * deeper.number.n",
}


@pytest.mark.parametrize("head", WAYS)
def test_each_folder_has_its_own(folders, head):
    before, names = list(sys.path), set(sys.modules)
    for folder in folders:
        (folder / "own.py").write_text(OWN.format(head=head, use=f"property(lambda self: {WAYS[head]})"))
    one, two = (load(folder) for folder in folders)
    assert (one().number, two().number, one().number) == (11, 22, 11)
    assert (one().late(), two().late()) == (11, 22)  # an import in a function comes later, and finds the same
    assert sys.path == before
    assert not [name for name in set(sys.modules) - names if name.partition(".")[0] in ("helpers", "deeper", "own")]


def test_a_helper_that_was_edited_is_read_anew(folders):
    folder = folders[0]
    (folder / "own.py").write_text(OWN.format(head="from helpers import f", use="property(lambda self: f())"))
    first = load(folder)
    assert load(folder) is first
    (folder / "deeper" / "more.py").write_text("n = 50\n")
    assert load(folder)().number == 51
    assert first().number == 11
    assert {file.name for file in files_beside(folder / "own.py")} >= {"own.py", "helpers.py", "number.py", "more.py"}


def test_two_files_of_a_folder_share_what_they_import(folders):
    folder = folders[0]
    for name in ("own.py", "other.py"):
        (folder / name).write_text(OWN.format(head="import helpers", use="property(lambda self: helpers)"))
    assert load(folder)().number is load(folder, "other.py")().number


def test_the_standard_library_is_not_taken_for_a_file_beside(folders):
    folder = folders[0]
    (folder / "json.py").write_text("raise RuntimeError\n")
    (folder / "own.py").write_text(OWN.format(head="import json", use="property(lambda self: json.loads('[3]'))"))
    assert load(folder)().number == [3]


def test_a_file_may_be_called_anything(folders):
    folder = folders[0]
    (folder / "my-own.v2.py").write_text(OWN.format(head="from helpers import f", use="property(lambda self: f())"))
    cls = load(folder, "my-own.v2.py")
    assert cls().number == 11
    assert type_name(cls, {}, "Q") == f"{folder / 'my-own.v2.py'}:Q"
