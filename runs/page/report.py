"""One HTML file of a recorded run, which opens from disk: no server, no request, nothing from outside."""

from __future__ import annotations

import base64
import gzip
import html
import json
from importlib import resources
from pathlib import Path

from ..common.files import write_whole
from ..common.palette import css_variables
from ..record.files.folder import REPORT
from .block import page_block
from .data import page_columns
from .playback import Playback
from .spans import span_of

__all__ = ["live_text", "page_files", "report_text", "write_report"]


def page_files() -> dict[str, str]:
    """Return what the page is made of, by name: page.html, page.css and the modules."""
    folder = resources.files(__package__) / "static"
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.iterdir(), key=lambda f: f.name)}


def report_text(title: str, block: bytes) -> str:
    """Return the page with its modules and data inside.

    Modules are kept as files that import one another by name, and an import map says where each of them is: in a report
    in the page itself. Nothing that a user wrote stands in the page but escaped: data are base64, so are modules.
    """
    return _page(title, "main.js", "", base64.b64encode(gzip.compress(block, 9, mtime=0)).decode())


def live_text(host: str) -> str:
    """Return the page without data: it opens a socket to the server that it came from, `host`, and to no other."""
    # Not every browser takes a socket to the same server for the same origin.
    return _page("GridParley", "live.js", f"; connect-src 'self' ws://{html.escape(host)}", "")


def _page(title: str, start: str, allowed: str, data: str) -> str:
    files = page_files()
    modules = {
        f"page/{name}": f"data:text/javascript;base64,{base64.b64encode(text.encode()).decode()}"
        for name, text in files.items()
        if name.endswith(".js") and (start == "live.js" or not name.startswith("live"))
    }
    filled = {
        "ALLOWED": allowed,
        "TITLE": html.escape(title),
        "STYLE": (css_variables() + files["page.css"]).replace("</", "<\\/"),
        "IMPORTS": json.dumps({"imports": modules}).replace("<", "\\u003c"),
        "DATA": data,
        "START": f"page/{start}",
    }
    text = files["page.html"]
    for name, value in filled.items():
        text = text.replace(f"{{{{{name}}}}}", value, 1)
    return text


def write_report(
    run: Path, out: Path | None = None, first: int = 0, last: int | None = None, *, trust: bool = False
) -> tuple[Path, str | None]:
    """Write the report of a recorded run.

    Parameters
    ----------
    run : the folder that ``gridparley run --out`` wrote, or a record
    out : the file; by default report.html in the folder
    first, last : ticks first <= tick < last; as many of them as one page can hold are shown
    trust : run the user's types that the record names, so that what their agents know is shown too

    Returns
    -------
    The file, and a sentence when it shows fewer ticks than were asked for.

    Raises
    ------
    RunError
        There is no record, it is damaged, or the file cannot be written.
    """
    path = (run if run.is_dir() else run.parent) / REPORT if out is None else out
    with Playback.open(run, trust=trust) as playback:
        span = span_of(playback.record, first, last)
        meta, columns = page_columns(playback, span)
        wanted = playback.ticks if last is None else min(last, playback.ticks)
    text = report_text(f"{meta['name']}, {meta['protocol']}", page_block(meta, columns))
    write_whole(path, text)
    if span.last == wanted:
        return path, None
    return path, (
        f"one page cannot hold ticks {span.first} to {wanted - 1} of so large a run: it shows {span.first} to "
        f"{span.last - 1}; --from and --to choose others"
    )
