"""Image: a picture as a field's value."""

from __future__ import annotations

from io import BytesIO
from typing import Any, ClassVar, Self

from lmnb.errors import InputError
from lmnb.html import PICTURES, Html, el, picture, root
from lmnb.types.media import Media
from lmnb.types.parts import Content


class Image(Media):
    """A picture: PNG, JPEG, GIF, WebP, BMP, TIFF, AVIF or HEIC, from a path, a URL, a data URI, bytes, an open file or
    a PIL image. In a prompt it is a part of its own, at its place in the text.

    A URL is passed on to the provider; `download=True` fetches it now. InputError for what is no image, or larger than
    `Image.max_bytes`.

    >>> import lmnb
    >>> pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
    >>> lmnb.Image(pixel)
    Image(image/gif, 37 B)
    >>> lmnb.Image("https://example.org/cat.png").format()
    [{'type': 'image_url', 'image_url': {'url': 'https://example.org/cat.png'}}]
    """

    kind: ClassVar[str] = "image"
    max_bytes: ClassVar[int] = 20_000_000
    __init__ = Media.__init__  # type checkers would take the fields for its arguments

    def format(self) -> Content:
        return [{"type": "image_url", "image_url": {"url": self.url}}]

    @classmethod
    def from_PIL(cls, image: Any) -> Self:
        """From an image of Pillow, as PNG."""
        if not _is_pil(image):
            raise InputError(f"{image!r} is no image of Pillow. Write Image(...) for paths, URLs and bytes.")
        return cls(image)

    @classmethod
    def from_file(cls, file: Any) -> Self:
        """From a path or an open file."""
        return cls(file)

    @classmethod
    def _from_source(cls, source: Any, *, download: bool, verify: bool) -> dict[str, Any]:
        if not _is_pil(source):
            return super()._from_source(source, download=download, verify=verify)
        buffer = BytesIO()
        shown = source if source.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else source.convert("RGB")
        shown.save(buffer, format="PNG")
        return {"url": cls._uri(buffer.getvalue(), "image/png", where="the image of Pillow")}

    def _repr_html_(self) -> Html:
        shown = picture(self.url, repr(self), height=320) if self.media_type in PICTURES else None
        return root("image", el("div", {"class": "lm-pane"}, shown, el("div", {"class": "lm-muted"}, repr(self))))


def _is_pil(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "PIL" and callable(getattr(value, "save", None))
