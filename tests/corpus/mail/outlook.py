"""What Outlook and S/MIME clients put into mail, made in code: winmail.dat, .msg files, opaque signatures."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from itertools import pairwise

from asn1crypto import cms

# ── TNEF (MS-OXTNEF) ─────────────────────────────────────────────────────────────────────────────────────────────


def tnef(
    html: bytes = b"", text: bytes = b"", rtf: bytes = b"", files: Sequence[Mapping[int, bytes]] = (), cut: int = 0
) -> bytes:
    """A winmail.dat. A file is its MAPI properties (0x3707 its name, 0x3701 its bytes)."""
    out = struct.pack("<IH", 0x223E9F78, 1) + _attribute(1, 0x00089006, b"\0\0\1\0")
    out += _attribute(1, 0x00069007, struct.pack("<II", 1252, 0))
    said = {0x1013: html, 0x1000: text, 0x1009: rtf}
    out += _attribute(1, 0x00069003, _properties({key: value for key, value in said.items() if value}))
    for file in files:
        out += _attribute(2, 0x00069002, b"\1\0" + b"\0" * 12)
        out += _attribute(2, 0x00069005, _properties(file))
    return out[: len(out) - cut]


def _attribute(level: int, name: int, data: bytes) -> bytes:
    return struct.pack("<BII", level, name, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def _properties(said: Mapping[int, bytes]) -> bytes:
    out = struct.pack("<I", len(said) + 1) + struct.pack("<HHI", 3, 0x3FDE, 65_001)
    for name, value in said.items():
        kind = {0x1000: 30, 0x3707: 31, 0x3701: 13}.get(name, 258)
        value = (value.decode() + "\0").encode("utf-16-le") if kind == 31 else value
        out += struct.pack("<HHII", kind, name, 1, len(value)) + value + b"\0" * (-len(value) % 4)
    return out


def embedded(stream: bytes) -> bytes:
    """The bytes of an attached file that is itself a message."""
    return bytes.fromhex("0703020000000000c000000000000046") + stream


def plain_rtf(text: bytes) -> bytes:
    """RTF in the envelope of compressed RTF, without compression (MS-OXRTFCP)."""
    return struct.pack("<II4sI", len(text) + 12, len(text), b"MELA", 0) + text


# ── S/MIME (RFC 8551) ────────────────────────────────────────────────────────────────────────────────────────────


def signed(content: bytes) -> bytes:
    """An opaque signature by nobody over a mail."""
    inside = {"content_type": "data", "content": content}
    said = {"version": "v1", "digest_algorithms": [], "encap_content_info": inside, "signer_infos": []}
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(said)}).dump())


# ── .msg (MS-OXMSG, MS-CFB) ──────────────────────────────────────────────────────────────────────────────────────

_END, _FREE = 0xFFFFFFFE, 0xFFFFFFFF


def msg(texts: Mapping[int, str], files: Mapping[str, bytes]) -> bytes:
    """An Outlook item: its texts by property (0x37 subject, 0x1000 body, 0xC1A and 0xC1F sender), and its files."""
    root = _item_streams(texts, 32)
    for number, (name, content) in enumerate(files.items()):
        streams = _item_streams({0x3707: name}, 8)
        streams["__substg1.0_37010102"] = content
        streams["__properties_version1.0"] += struct.pack("<II8x", 0x37010102, 6)
        root |= {f"__attach_version1.0_#{number:08X}/{key}": value for key, value in streams.items()}
    return compound(root)


def _item_streams(texts: Mapping[int, str], head: int) -> dict[str, bytes]:
    table = b"\0" * head + b"".join(struct.pack("<II8x", name << 16 | 0x1F, 6) for name in texts)
    streams = {f"__substg1.0_{name:04X}001F": text.encode("utf-16-le") for name, text in texts.items()}
    return {"__properties_version1.0": table, **streams}


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file with these streams, one storage deep. Streams of less than 4,096 bytes share one."""
    sectors: list[bytes] = []
    fat: list[int] = []

    def put(data: bytes) -> int:
        count = max(-(-len(data) // 512), 1)
        first = len(sectors)
        sectors.extend(data[n * 512 : n * 512 + 512].ljust(512, b"\0") for n in range(count))
        fat.extend([*range(first + 1, first + count), _END])
        return first

    small, small_fat = b"", list[int]()
    entries: list[tuple[str, int, int, int]] = []  # name, kind, start, size
    folders: dict[str, list[int]] = {}
    for path, data in streams.items():
        folder, _, name = path.rpartition("/")
        if len(data) >= 4_096:
            start = put(data)
        else:
            start, count = len(small) // 64, max(-(-len(data) // 64), 1)
            small += data.ljust(count * 64, b"\0")
            small_fat += [*range(start + 1, start + count), _END]
        folders.setdefault(folder, []).append(len(entries))
        entries.append((name, 2, start, len(data)))
    names = [folder for folder in folders if folder]
    directory = [("Root Entry", 5, put(small), len(small))] + entries + [(name, 1, 0, 0) for name in names]
    top = [1 + n for n in folders[""]] + [1 + len(entries) + n for n in range(len(names))]
    after = {0: top} | {1 + len(entries) + n: [1 + k for k in folders[name]] for n, name in enumerate(names)}
    mini = put(b"".join(struct.pack("<I", at) for at in small_fat).ljust(512, b"\xff"))
    listed = put(_directory(directory, after))
    first = len(sectors)
    blocks = 1
    while (len(sectors) + blocks) > blocks * 128:
        blocks += 1
    fat += [0xFFFFFFFD] * blocks
    table = b"".join(struct.pack("<I", at) for at in fat).ljust(blocks * 512, b"\xff")
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<III4xIIIII", 0, blocks, listed, 4_096, mini, -(-len(small_fat) * 4 // 512) or 1, _END, 0)
    head += b"".join(struct.pack("<I", first + n) for n in range(blocks))
    return head.ljust(512, b"\xff") + b"".join(sectors) + table


def _directory(entries: Sequence[tuple[str, int, int, int]], children: Mapping[int, Sequence[int]]) -> bytes:
    """Children hang on one another to the right; readers need no balance."""
    right = {one: other for kids in children.values() for one, other in pairwise(kids)}
    out = b""
    for number, (name, kind, start, size) in enumerate(entries):
        text = name.encode("utf-16-le")
        first = children.get(number, [_FREE])[0]
        out += text.ljust(64, b"\0") + struct.pack(
            "<HBBIII", len(text) + 2, kind, 1, _FREE, right.get(number, _FREE), first
        )
        out += b"\0" * 36 + struct.pack("<II4x", start, size)
    return out.ljust(-(-len(out) // 512) * 512, b"\0")
