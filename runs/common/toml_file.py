"""Reading TOML: a file or a value, or one sentence about what is wrong with it."""

from __future__ import annotations

import tomllib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from .errors import ScenarioError

__all__ = ["read_toml", "toml_value"]


def read_toml(file: Path | Traversable, what: str) -> dict[str, Any]:
    """Return the tables of a TOML file, with or without a byte order mark.

    Parameters
    ----------
    file
    what : what messages call it

    Raises
    ------
    ScenarioError
        It cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ScenarioError(f"{what}: {error.strerror or error}") from None
    except RecursionError:
        raise ScenarioError(f"{what} is not TOML: its brackets are nested too deep") from None
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError, or a number of more digits than Python reads
        raise ScenarioError(f"{what} is not TOML: {error}") from None


def toml_value(text: str, what: str) -> Any:
    """Return a text as the TOML value that it is, or as it stands where it is none.

    Raises
    ------
    ScenarioError
        There is nothing, or brackets or digits without end.
    """
    if not text:
        raise ScenarioError(f'{what}: there is nothing behind =; wanted a value, or "" for an empty text')
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    except RecursionError:
        raise ScenarioError(f"{what}: its brackets are nested too deep; wanted a number, a text or a list") from None
    except ValueError:  # Python reads no number of more than some thousand digits
        raise ScenarioError(f"{what}: a number of {len(text)} characters; wanted fewer digits") from None
    return found["value"] if set(found) == {"value"} else text  # a text with a line break can hold a second field
