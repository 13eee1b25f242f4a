"""Opaque S/MIME (RFC 8551): what was signed is inside the signature, and is read whoever signed it."""

from __future__ import annotations

TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})


def signed_content(data: bytes) -> bytes | None:
    """The mail inside a signature (CMS signed-data), or None where that is something else. Proves no signature."""
    if b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" not in data[:64]:  # the object identifier of signed-data
        return None
    from asn1crypto.cms import ContentInfo  # type: ignore[import-untyped]  # imported here: hardly ever needed

    try:
        inside = ContentInfo.load(data)["content"]["encap_content_info"]["content"].native
    except Exception:  # noqa: BLE001 - the decoder raises many things for what is no ASN.1; the file is kept then
        return None
    return inside if isinstance(inside, bytes) and inside else None
