"""Data URIs (RFC 2397): bytes and their media type in one text, read, written, and left out where people read."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any
from urllib.parse import unquote_to_bytes

_HEAD = re.compile(r"data:([\w.+-]{1,80}/[\w.+-]{1,80})?((?:;[\w.+-]{1,80}=[^;,]{0,200})*)(;base64)?,", re.IGNORECASE)
_LONG = re.compile(
    r"data:([\w.+-]{1,80}/[\w.+-]{1,80})(?:;[\w.+-]{1,80}=[\w.+-]{0,80})*;base64,([A-Za-z0-9+/=_-]{65,})"
)
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"PK\x03\x04", "application/zip"),
)
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp"}
_BRANDS = {b"avif": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"M4A ": "audio/mp4"}


def write_uri(data: bytes, media_type: str) -> str:
    """The one data URI of some bytes.

    >>> write_uri(b"hi", "text/plain")
    'data:text/plain;base64,aGk='
    """
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def read_uri(uri: str) -> tuple[bytes, str]:
    """The bytes and the media type of a data URI, in base64 or percent-encoded. ValueError where it is broken.

    >>> read_uri("data:,a%20b")
    (b'a b', 'text/plain')
    """
    head = _HEAD.match(uri)
    if head is None:
        raise ValueError(f"{uri[:60]!r} is no data URI. Write 'data:<media type>;base64,<data>'.")
    media_type = (head[1] or "text/plain").lower()
    body = unquote_to_bytes(uri[head.end() :])
    if head[3] is None:
        return body, media_type
    try:
        return base64.b64decode(b"".join(body.split()), validate=True), media_type
    except binascii.Error as error:
        raise ValueError(f"the data URI {uri[:40]!r}… holds broken base64: {error}") from None


def found_type(data: bytes) -> str | None:
    """The media type that bytes begin with; None where they begin like no type known here.

    >>> found_type(b"%PDF-1.7 ..."), found_type(b"hello")
    ('application/pdf', None)
    """
    for magic, media_type in _MAGIC:
        if data.startswith(magic):
            return media_type
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12])
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12])
    if data[:2] == b"BM" and len(data) >= 26 and data[6:10] == bytes(4):
        return "image/bmp"
    if len(data) >= 4 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2:  # the frame of an MP3 without tags
        return "audio/mpeg"
    return "audio/aac" if len(data) >= 7 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0 else None


def size_text(count: int) -> str:
    """A number of bytes as people write it.

    >>> size_text(512), size_text(12_345), size_text(3_400_000)
    ('512 B', '12.3 kB', '3.4 MB')
    """
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 999_950 else f"{count / 1e6:.1f} MB"


def without_data(text: str) -> str:
    """A text with its long data URIs cut to their media type and size.

    >>> without_data("see " + write_uri(bytes(3000), "image/png"))
    'see data:image/png;base64,… (3.0 kB)'
    """
    if ";base64," not in text:
        return text
    return _LONG.sub(lambda match: f"data:{match[1]};base64,… ({size_text(len(match[2]) * 3 // 4)})", text)


def shortened(value: Any) -> Any:
    """JSON data whose texts are `without_data`, and whose parts of audio hold their size instead of their data."""
    if isinstance(value, str):
        return without_data(value)
    if isinstance(value, list):
        return [shortened(item) for item in value]
    if not isinstance(value, dict):
        return value
    sound = value.get("input_audio")
    if isinstance(sound, dict) and isinstance(sound.get("data"), str):
        value = {**value, "input_audio": {**sound, "data": f"… ({size_text(len(sound['data']) * 3 // 4)})"}}
    return {key: shortened(item) for key, item in value.items()}
