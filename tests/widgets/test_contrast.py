"""The colours of words: each has contrast 4.5 : 1 on every ground it is written on, live and static, in each theme."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from lmnb import html

Colour = tuple[float, float, float, float]  # red, green, blue, opacity: 0 to 1

SYSTEM: dict[str, str] = {}
JUPYTER_LIGHT = {
    "--jp-layout-color1": "#ffffff",
    "--jp-layout-color2": "#eeeeee",
    "--jp-ui-font-color1": "rgba(0,0,0,.87)",
    "--jp-ui-font-color2": "rgba(0,0,0,.54)",
    "--jp-brand-color1": "#1976d2",
    "--jp-success-color1": "#388e3c",
    "--jp-error-color1": "#d32f2f",
    "--jp-warn-color1": "#f57c00",
}
JUPYTER_DARK = {
    "--jp-layout-color1": "#212121",
    "--jp-layout-color2": "#424242",
    "--jp-ui-font-color1": "rgba(255,255,255,.87)",
    "--jp-ui-font-color2": "rgba(255,255,255,.54)",
    "--jp-brand-color1": "#2196f3",
    "--jp-success-color1": "#4caf50",
    "--jp-error-color1": "#f44336",
    "--jp-warn-color1": "#ff9800",
}
VSCODE_LIGHT = {"--vscode-editor-background": "#ffffff", "--vscode-editor-foreground": "#3b3b3b"}
VSCODE_DARK = {"--vscode-editor-background": "#1f1f1f", "--vscode-editor-foreground": "#cccccc"}
THEMES = {
    "system light": (SYSTEM, False),
    "system dark": (SYSTEM, True),
    "JupyterLab light": (JUPYTER_LIGHT, False),
    "JupyterLab light on a dark system": (JUPYTER_LIGHT, True),
    "JupyterLab dark": (JUPYTER_DARK, True),
    "JupyterLab dark on a light system": (JUPYTER_DARK, False),
    "VS Code light": (VSCODE_LIGHT, False),
    "VS Code dark": (VSCODE_DARK, True),
}


def declared(css: str) -> dict[str, str]:
    """The custom properties that a block sets."""
    return dict(re.findall(r"(--[\w-]+):\s*([^;}]+)", css))


def split(inside: str) -> list[str]:
    """The arguments of a CSS function."""
    parts, depth = [""], 0
    for letter in inside:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def colour(value: str, known: Mapping[str, str]) -> Colour:
    """What a browser makes of a colour: `var`, `color-mix(in srgb, …)`, `rgba` and hexadecimal ones are known here."""
    value = value.strip()
    if value.startswith("#"):
        digits = value[1:] if len(value) == 7 else "".join(2 * one for one in value[1:])
        red, green, blue = (int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4))
        return red, green, blue, 1.0
    name, inside = (
        value.rstrip(")").split("(", 1)
        if value.count("(") == 1
        else (value[: value.index("(")], value[value.index("(") + 1 : -1])
    )
    parts = split(inside)
    if name == "var":
        return colour(known[parts[0]] if parts[0] in known else ",".join(parts[1:]), known)
    if name == "rgba":
        red, green, blue, opacity = (float(one) for one in parts)
        return red / 255, green / 255, blue / 255, opacity
    assert (name, parts[0]) == ("color-mix", "in srgb"), value
    first, share = parts[1].rsplit(" ", 1)
    part = float(share.rstrip("%")) / 100
    one, two = colour(first, known), colour(parts[2], known)
    opacity = part * one[3] + (1 - part) * two[3]
    red, green, blue = (
        (part * a * one[3] + (1 - part) * b * two[3]) / opacity for a, b in zip(one[:3], two[:3], strict=True)
    )
    return red, green, blue, opacity


def contrast(words: Colour, ground: Colour) -> float:
    """The ratio of WCAG 2, of what the eye sees: words over their ground."""
    seen = [a * words[3] + b * (1 - words[3]) for a, b in zip(words[:3], ground[:3], strict=True)]
    light = sorted(
        sum(
            share * (x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4)
            for share, x in zip((0.2126, 0.7152, 0.0722), rgb, strict=True)
        )
        for rgb in (seen, ground[:3])
    )
    return (light[1] + 0.05) / (light[0] + 0.05)


def faint(known: Mapping[str, str], words: str, grounds: str) -> dict[str, float]:
    """The pairs that cannot be read."""
    found = {
        f"{word} on {ground}": round(contrast(colour(f"var({word})", known), colour(f"var({ground})", known)), 2)
        for word in words.split()
        for ground in grounds.split()
    }
    return {pair: ratio for pair, ratio in found.items() if ratio < 4.5}


@pytest.mark.parametrize("theme", THEMES)
def test_the_static_forms_can_be_read(theme: str) -> None:
    """Good, bad, warning, muted and plain words on the paper, on a chosen row and on the grey of boxes and feet."""
    given, dark = THEMES[theme]
    light, night = html._BASE.split("@media (prefers-color-scheme:dark)")
    known = declared(light) | (declared(night.split("}}")[0]) if dark else {}) | given
    words = "--lm-ink --lm-ink2 --lm-good --lm-bad --lm-warn"
    assert faint(known, words, "--lm-bg --lm-sel --lm-bg2") == {}
    assert faint(known, "--lm-ink", "--lm-add --lm-del") == {}


@pytest.mark.parametrize("theme", [theme for theme in THEMES if " on a " not in theme])
def test_the_live_panel_can_be_read(theme: str, root: Path) -> None:
    """The panel knows the notebook's theme and has colours for both."""
    given, dark = THEMES[theme]
    css = (root / "widgets" / "src" / "style.css").read_text(encoding="utf-8")
    light, night = css.split('.lmv[data-theme="dark"]')
    known = declared(light) | (declared(night.split("}")[0]) if dark else {}) | given
    assert faint(known, "--ink --ink2 --good --bad --warn", "--bg") == {}
    assert faint(known, "--ink", "--bg2 --sel --add --del") == {}
    assert faint(known, "--on", "--accent") == {}
