"""Every colour that a run is shown in: figures, page and terminal take theirs from here, and none stands anywhere else."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "CHART_LINES",
    "GREYS",
    "OKABE_ITO",
    "PRICE_SCALE",
    "TERMINAL",
    "THEMES",
    "css_variables",
]

OKABE_ITO = {
    "blue": "#0072b2",
    "vermillion": "#d55e00",
    "green": "#009e73",
    "purple": "#cc79a7",
    "orange": "#e69f00",
    "sky": "#56b4e9",
    "black": "#000000",
    "yellow": "#f0e442",
}
"""Okabe and Ito, "Color Universal Design", 2008: told apart with every common colour blindness, and in print."""

GREYS = {
    "note": "#555555",
    "lane": "#888888",
    "mark": "#999999",
    "many": "#bbbbbb",
    "grid": "#dddddd",
}
"""Of figures: remarks, windows of faults, openings of periods, lines that are too many for colours, the grid."""

THEMES: Mapping[str, Mapping[str, str]] = {
    "light": {
        "ink": "#1b1f24",
        "soft": "#57606a",
        "line": "#c4cad1",
        "paper": "#ffffff",
        "panel": "#f6f8fa",
        "message": OKABE_ITO["blue"],
        "faint-blue": OKABE_ITO["sky"],
        "earth": "#612405",
        "shade": "#0000001c",
    },
    "dark": {
        "ink": "#e6edf3",
        "soft": "#9aa5b1",
        "line": "#48525e",
        "paper": "#0e1318",
        "panel": "#171d24",
        "message": OKABE_ITO["sky"],
        "faint-blue": OKABE_ITO["blue"],
        "earth": "#ebd6ad",
        "shade": "#ffffff26",
    },
}
"""Of the page: what depends on light and dark."""

CHART_LINES = ("message", "vermillion", "green", "purple", "orange", "faint-blue", "ink", "earth")
"""Names of the colours of a chart's lines on the page, in their order; the first four and the last four share dashes."""

PRICE_SCALE = ("#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838")
"""Cividis, made for colour-blind readers: dark blue is cheap, yellow is dear."""

TERMINAL = {
    "": "",
    "strong": "bold",
    "head": "dim",
    "soft": "dim",
    "lost": "bold red",
    "late": "yellow",
    "down": "bold red",
    "resting": "cyan",
    "chosen": "reverse",
    "now": "bold cyan",
    "fault": "bold yellow",
    "border": "bright_black",
}
"""The sixteen colours that every terminal has, as its owner has set them up: they go with light and dark, and are short."""

_FIXED = {name: OKABE_ITO[name] for name in ("vermillion", "green", "purple", "orange")}
_ON = {"on-strong": "#ffffff", "on-orange": THEMES["light"]["ink"]}
"""Text on a strong colour, and on orange."""


def css_variables() -> str:
    """Return the page's colours as CSS variables, for light and for dark."""
    fixed = _FIXED | _ON | {"chart-lines": " ".join(CHART_LINES), "price-scale": " ".join(PRICE_SCALE)}
    light, dark = ({"color-scheme": name} | dict(THEMES[name]) for name in ("light", "dark"))
    return f':root {{ {_block(fixed | light)} }}\n:root[data-theme="dark"] {{ {_block(dark)} }}\n'


def _block(variables: Mapping[str, str]) -> str:
    names = {name: name if name == "color-scheme" else f"--{name}" for name in variables}
    return " ".join(f"{names[name]}: {value};" for name, value in variables.items())
