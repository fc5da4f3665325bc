"""What a file is, by its name, and how large an image is, by its first bytes."""

from __future__ import annotations

import mimetypes
import struct

HEAD_BYTES = 1 << 16
"""How much of an image tells its size, unless it carries a very large preview."""

_TYPES = mimetypes.MimeTypes()
_MORE = {
    ".jsonl": "application/x-ndjson",
    ".md": "text/markdown",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".webp": "image/webp",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


def media_type(path: str) -> str:
    """`image/png` of `a.png`; `application/octet-stream` when the name says nothing."""
    suffix = path[path.rfind(".") :].lower() if "." in path else ""
    return _MORE.get(suffix) or _TYPES.types_map[True].get(suffix) or "application/octet-stream"


def image_size(head: bytes) -> tuple[int, int] | None:
    """Width and height in pixels of PNG, GIF, BMP, WebP and JPEG; None for anything else."""
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return _pair(struct.unpack(">II", head[16:24]))
        if head[:6] in (b"GIF87a", b"GIF89a"):
            return _pair(struct.unpack("<HH", head[6:10]))
        if head.startswith(b"BM"):
            width, height = struct.unpack("<ii", head[18:26])
            return width, abs(height)
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp(head)
        if head.startswith(b"\xff\xd8"):
            return _jpeg(head)
    except (struct.error, IndexError):
        return None
    return None


def _pair(found: tuple[int, int]) -> tuple[int, int]:
    return found[0], found[1]


def _webp(head: bytes) -> tuple[int, int] | None:
    """https://developers.google.com/speed/webp/docs/riff_container"""
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg(head: bytes) -> tuple[int, int] | None:
    """The first start-of-frame segment (ITU T.81, B.2.2)."""
    place = 2
    while place + 9 < len(head):
        if head[place] != 0xFF:
            return None
        marker = head[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[place + 5 : place + 9])
            return width, height
        if marker == 0xFF:
            place += 1
            continue
        place += 2 + int.from_bytes(head[place + 2 : place + 4], "big")
    return None
