"""What a page is given: a table of contents and binary columns, in one block.

The block is 4 bytes with the length of the JSON, little-endian, the JSON, then the columns, each on an 8-byte boundary. The
JSON is ``{"meta": ..., "columns": {name: [type, first byte after the JSON, numbers, width]}}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Column", "page_block"]

Column = npt.NDArray[Any]


def page_block(meta: Mapping[str, Any], columns: Mapping[str, Column]) -> bytes:
    """Return a table of contents and columns as one block; see the module's description."""
    contents, parts, start = {}, [], 0
    for name, column in columns.items():
        data = np.ascontiguousarray(column)
        contents[name] = [data.dtype.str[1:], start, data.size, data.shape[1] if data.ndim > 1 else 1]
        raw = data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes()
        raw += bytes(-len(raw) % 8)
        parts.append(raw)
        start += len(raw)
    head = json.dumps({"meta": meta, "columns": contents}, allow_nan=False).encode()
    head += b" " * (-(len(head) + 4) % 8)
    return len(head).to_bytes(4, "little") + head + b"".join(parts)
