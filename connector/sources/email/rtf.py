"""Text of compressed Rich Text Format (MS-OXRTFCP), which Outlook puts into `winmail.dat` in place of a text.

Read by compressed-rtf and striprtf, where they are installed (the extra `outlook`).
"""

from __future__ import annotations

import importlib.util

# Both libraries need about a second for a megabyte.
_MOST_COMPRESSED, _MOST_PLAIN = 250_000, 1_000_000


def rtf_text(compressed: bytes) -> str:
    """What a person reads of it; empty where it cannot be read. Never raises."""
    if not compressed or len(compressed) > _MOST_COMPRESSED or importlib.util.find_spec("striprtf") is None:
        return ""
    from compressed_rtf import decompress  # type: ignore[import-untyped]  # an optional extra
    from striprtf.striprtf import rtf_to_text

    try:
        plain = decompress(compressed)[:_MOST_PLAIN].decode("latin-1")
        return str(rtf_to_text(plain, errors="replace"))  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - both raise many things for what is no RTF; the stream is kept then
        return ""
