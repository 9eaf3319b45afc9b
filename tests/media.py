"""Small media for tests, made by hand."""

from __future__ import annotations

import struct
import zlib

PNG_HEAD = b"\x89PNG\r\n\x1a\n"
GIF = bytes.fromhex("47494638396101000100000000ffffff21f90401000000002c00000000010001000002024c01003b")
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"


def png(width: int = 1, height: int = 1, grey: int = 128) -> bytes:
    """A grey picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\x00" + bytes([grey]) * width) * height
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return PNG_HEAD + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
