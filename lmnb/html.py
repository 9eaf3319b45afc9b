"""The one builder behind every static HTML form: text and attributes are escaped, nothing that could run is written.

A notebook's page may run code on the kernel, so text of a model, a data set or a tool is hostile there. What is
written here holds no script, no event handler, no link but http(s) and `#`, no embedded document, no picture but one
whose bytes stand here, and no style but its own; control and bidirectional characters are shown as visible marks.

    >>> el("b", {"class": "x"}, "1 < 2")
    '<b class="x">1 &lt; 2</b>'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape

_TAGS = frozenset(
    """div span p pre code b strong i em small s del ins mark kbd br hr ul ol li dl dt dd table thead tbody tr th td
    details summary section header footer main figure figcaption a
    svg g path line rect circle polyline polygon text title""".split()
)
_VOID = frozenset({"br", "hr"})
_ATTRIBUTES = frozenset(
    """class style title role open colspan rowspan scope lang dir tabindex href data-lmnb data-state data-kind data-id
    viewBox width height x y x1 y1 x2 y2 cx cy r rx ry d points fill fill-opacity stroke stroke-width stroke-dasharray
    stroke-linecap stroke-linejoin stroke-opacity opacity font-size font-weight font-family text-anchor transform
    preserveAspectRatio aria-label aria-hidden aria-level aria-current""".split()
)
_HREF = re.compile(r"(https?://|#)[^\s\x00-\x20]*", re.IGNORECASE)
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_RASTER = re.compile(rf"data:(?:{'|'.join(PICTURES)});base64,[A-Za-z0-9+/]+={{0,2}}")
_STYLE = re.compile(r"[-\w\s.%#:;,()+*/]*")
_CALLS = re.compile(r"url|expression|image|import|attr|src|behavior|binding", re.IGNORECASE)

# controls but tab and newline, bidirectional and invisible format characters, what has no glyph at all, lone surrogates
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)


class Html(str):
    """Markup that is safe already: made by the functions of this module only, and not escaped again by them."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)

    def _marimo_serialize_(self) -> str:
        return str(self)  # marimo would write another kind of text than str as an object


def visible(value: object) -> str:
    """The text of `value` with control, bidirectional and invisible characters written as marks.

    >>> visible("red \\x1b[31m, \\u202egnp.exe")
    'red ␛[31m, ⟨U+202E⟩gnp.exe'
    """
    return _UNSEEN.sub(_mark, str(value).replace("\r\n", "\n"))


def _mark(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def text(value: object) -> Html:
    """`value` as escaped text; markup that this module made stays as it is."""
    return value if isinstance(value, Html) else Html(escape(visible(value), quote=True))


def join(parts: Iterable[object], between: object = "") -> Html:
    """Several texts or pieces of markup as one; None is left out."""
    return Html(text(between).join(text(part) for part in parts if part is not None))


def el(tag: str, attributes: Mapping[str, object] | None = None, *children: object) -> Html:
    """One element. An attribute of None or False is left out, True is written bare; a child of None is left out.

    ValueError for a tag or attribute that static HTML does not hold, for a `style` with more than plain values, and for
    an `href` to other than http(s) or `#`.
    """
    if tag not in _TAGS:
        raise ValueError(f"no element {tag!r} in static HTML; it holds: {', '.join(sorted(_TAGS))}")
    start = f"<{tag}{''.join(_attribute(tag, name, value) for name, value in (attributes or {}).items())}>"
    return Html(start if tag in _VOID else f"{start}{join(children)}</{tag}>")


def _attribute(tag: str, name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    if name not in _ATTRIBUTES:
        known = ", ".join(sorted(_ATTRIBUTES))
        raise ValueError(f"no attribute {name!r} in static HTML (on <{tag}>); it holds: {known}")
    if value is True:
        return f" {name}"
    if name == "style" and (not _STYLE.fullmatch(str(value)) or _CALLS.search(str(value))):
        raise ValueError(f"a style holds plain values only, not {value!r}")
    if name == "href" and not _HREF.fullmatch(str(value)):
        raise ValueError(f"a link leads to http://, https:// or #, not {value!r}")
    return f' {name}="{escape(visible(value), quote=True)}"'


def picture(uri: str, title: object, *, height: int) -> Html:
    """A picture of at most `height` pixels. Nothing is loaded for it: ValueError for what is no data URI of PNG, JPEG, GIF
    or WebP.
    """
    if not _RASTER.fullmatch(uri):
        raise ValueError(f"a picture is a data URI of PNG, JPEG, GIF or WebP, not {uri[:60]!r}")
    style = f"display:block;max-height:{int(height)}px;max-width:100%;margin:4px 0"
    named = escape(visible(title), quote=True)
    return Html(f'<img src="{uri}" alt="{named}" title="{named}" style="{style}">')


def sheet(css: str) -> Html:
    """A style element. `css` is the caller's own constant, never made of data."""
    if "<" in css or "@import" in css or "url(" in css or "\\" in css:
        raise ValueError("a style sheet here holds no '<', '\\', '@import' or 'url('")
    return Html(f"<style>{_BREAK.sub('', css)}</style>")


def root(kind: str, *children: object, css: str = "", state: str | None = None) -> Html:
    """The outermost element of a static form, with the colours and the style that all forms share.

    Its classes keep the page's MathJax out: JupyterLab typesets `$$…$$` of every HTML output, and formulas can hold
    links and styles.
    """
    attributes = {"class": "lmnb tex2jax_ignore mathjax_ignore", "data-lmnb": kind, "data-state": state}
    return el("div", attributes, sheet(_BASE + css), *children)


def page(title: str, body: object) -> Html:
    """A whole document that runs and loads nothing, also by its own content security policy."""
    return Html(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">"""
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title>{sheet(_PAGE)}</head>\n<body>{text(body)}</body></html>\n"
    )


def heading(*children: object, level: int = 3) -> Html:
    """A heading that is no `<h3>`: JupyterLab would take that into the notebook's table of contents."""
    attributes = {"class": f"lm-h lm-h{level}", "role": "heading", "aria-level": level}
    return el("div", attributes, el("strong", None, *children))


def table_of(names: Iterable[object], rows: Iterable[Html], look: str = "lm-table") -> Html:
    """A table of `rows`, which are `tr` elements, under a head of `names`."""
    head = el("thead", None, el("tr", None, *(el("th", {"scope": "col"}, name) for name in names)))
    return el("table", {"class": look}, head, el("tbody", None, *rows))


def shorten(value: object, limit: int = 2_000) -> Html:
    """Text cut at `limit` characters, saying how many are left out."""
    whole = str(value)
    if len(whole) <= limit:
        return text(whole)
    return join([whole[:limit], el("span", {"class": "lm-muted"}, f" … {len(whole) - limit:,} more characters")])


def duration(seconds: float | None) -> str:
    """Seconds as people write them.

    >>> duration(0.041), duration(1.84), duration(130), duration(7500)
    ('41 ms', '1.84 s', '2 m 10 s', '2 h 5 m')
    """
    if seconds is None:
        return "–"
    if seconds < 0.0995:
        return f"{seconds * 1000:.{0 if seconds >= 0.001 or seconds == 0 else 1}f} ms"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 60} m {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} m"


def money(usd: float | None) -> str:
    """US dollars with the digits that matter.

    >>> money(0.0021), money(0.42), money(12)
    ('$0.0021', '$0.42', '$12.00')
    """
    if usd is None:
        return "–"
    return f"${usd:.2f}" if usd == 0 or usd >= 0.1 else f"${usd:.4f}"


_BREAK = re.compile(r"\s*\n\s*")
# Notebooks' own colours are made for icons: as words they need some ink for a contrast of 4.5 : 1 on each ground.
_BASE = """
.lmnb{
--lm-bg:var(--jp-layout-color1,var(--vscode-editor-background,#fff));
--lm-ink:var(--jp-ui-font-color1,var(--vscode-editor-foreground,#1d2430));
--lm-bg2:color-mix(in srgb,var(--jp-layout-color2,color-mix(in srgb,var(--lm-ink) 8%,var(--lm-bg))) 50%,var(--lm-bg));
--lm-line:var(--jp-border-color2,color-mix(in srgb,var(--lm-ink) 13%,var(--lm-bg)));
--lm-accent:var(--jp-brand-color1,#3457d5);
--lm-green:var(--jp-success-color1,#16794c);
--lm-red:var(--jp-error-color1,#b3261e);
--lm-amber:var(--jp-warn-color1,#9a6700);
--lm-grey:var(--jp-ui-font-color2,color-mix(in srgb,var(--lm-ink) 66%,var(--lm-bg)));
--lm-good:color-mix(in srgb,var(--lm-green) 75%,var(--lm-ink));
--lm-bad:color-mix(in srgb,var(--lm-red) 70%,var(--lm-ink));
--lm-warn:color-mix(in srgb,var(--lm-amber) 60%,var(--lm-ink));
--lm-ink2:color-mix(in srgb,var(--lm-grey) 70%,var(--lm-ink));
--lm-add:color-mix(in srgb,var(--lm-good) 14%,var(--lm-bg));
--lm-del:color-mix(in srgb,var(--lm-bad) 12%,var(--lm-bg));
--lm-sel:color-mix(in srgb,var(--lm-accent) 10%,var(--lm-bg));
--lm-mono:var(--jp-code-font-family,ui-monospace,SFMono-Regular,Menlo,Consolas,monospace);
--lm-ui:var(--jp-ui-font-family,system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif);
max-width:1280px;margin:2px 0;overflow:hidden;border:1px solid var(--lm-line);border-radius:8px;
font:13px/1.45 var(--lm-ui);text-align:left;color:var(--lm-ink);background:var(--lm-bg)}
@media (prefers-color-scheme:dark){.lmnb{
--lm-bg:var(--jp-layout-color1,var(--vscode-editor-background,#14171c));
--lm-ink:var(--jp-ui-font-color1,var(--vscode-editor-foreground,#e6e9ef));
--lm-accent:var(--jp-brand-color1,#8aa4ff);
--lm-green:var(--jp-success-color1,#5bd69a);
--lm-red:var(--jp-error-color1,#ff8a80);
--lm-amber:var(--jp-warn-color1,#e3b341)}}
.lmnb *{box-sizing:border-box}
.lmnb .lm-num{font-variant-numeric:tabular-nums}
.lmnb .lm-muted{color:var(--lm-ink2);font-weight:400}
.lmnb .lm-good{color:var(--lm-good)}
.lmnb .lm-bad{color:var(--lm-bad)}
.lmnb .lm-warn{color:var(--lm-warn)}
.lmnb .lm-top{display:flex;flex-wrap:wrap;align-items:center;gap:4px 14px;padding:10px 14px;
border-bottom:1px solid var(--lm-line)}
.lmnb .lm-pane{padding:10px 16px 14px;min-width:0}
.lmnb .lm-h strong{font-weight:600}
.lmnb .lm-h3{font-size:15px}
.lmnb .lm-h4{margin:14px 0 4px;font-size:11px;letter-spacing:.04em;text-transform:uppercase;color:var(--lm-ink2)}
.lmnb .lm-tag{display:inline-block;padding:0 7px;border:1px solid var(--lm-line);border-radius:10px;
font-size:11px;line-height:1.4;color:var(--lm-ink2);white-space:nowrap}
.lmnb .lm-tag.lm-good,.lmnb .lm-tag.lm-bad,.lmnb .lm-tag.lm-warn{border-color:currentColor}
.lmnb .lm-tag.lm-good{color:var(--lm-good)}
.lmnb .lm-tag.lm-bad{color:var(--lm-bad)}
.lmnb .lm-tag.lm-warn{color:var(--lm-warn)}
.lmnb pre.lm-box{margin:0;padding:6px 9px;max-height:320px;overflow:auto;
white-space:pre-wrap;overflow-wrap:anywhere;word-break:normal;
font:12.5px/1.55 var(--lm-mono);color:var(--lm-ink);
background:var(--lm-bg2);border:1px solid var(--lm-line);border-radius:6px}
.lmnb table.lm-table{width:100%;margin:0;border:0;border-collapse:collapse;table-layout:auto;font-size:12.5px}
.lmnb table.lm-table tr:nth-child(n){background:none}
.lmnb .lm-table th,.lmnb .lm-table td{padding:5px 8px 5px 0;border:0;border-bottom:1px solid var(--lm-line);
text-align:left;vertical-align:top;white-space:normal;overflow-wrap:anywhere;min-width:66px;max-width:none}
.lmnb .lm-table th{font-size:11px;font-weight:600;color:var(--lm-ink2);background:none;overflow-wrap:normal}
.lmnb .lm-table .lm-right{text-align:right;white-space:nowrap}
.lmnb .lm-table .lm-tight{white-space:nowrap;min-width:0}
.lmnb .lm-table th:first-child{min-width:0}
.lmnb summary{cursor:pointer}
.lmnb summary:focus-visible{outline:2px solid var(--lm-accent);outline-offset:-2px}
.lmnb del{color:inherit;background:var(--lm-del);text-decoration:line-through;
text-decoration-color:color-mix(in srgb,var(--lm-bad) 60%,transparent)}
.lmnb ins{color:inherit;background:var(--lm-add);text-decoration:none}
"""
_PAGE = """
body{margin:0;padding:24px;background:#eceef2}
.lmnb{margin:0 auto}
@media (prefers-color-scheme:dark){body{background:#0d0f13}}
@media print{body{padding:0}}
"""
