"""Build in a fresh folder: setuptools never empties build/lib, and would ship modules that were deleted since."""

from tempfile import TemporaryDirectory

from setuptools import setup

with TemporaryDirectory() as fresh:
    setup(options={"build": {"build_base": fresh}})
