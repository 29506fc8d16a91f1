"""Texts that go out of our hands and come back, or lie where others can read: sealed with AES-256-GCM.

What a text is bound to - an account, a session, a purpose - is not in it, and must be the same when it is opened.
"""

from __future__ import annotations

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
_STANDARD_TO_URL = str.maketrans("+/", "-_")  # secrets of one-time codes were kept in the standard alphabet, padded


class Seal:
    """Seals and opens with a key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, text: str, bound_to: str) -> str:
        """Return a sealed text, fit for addresses and cookies."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), bound_to.encode())
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def opened(self, sealed: str, bound_to: str) -> str | None:
        """Return what was sealed; None for what was changed, sealed with another key, or bound to something else."""
        plain = sealed.rstrip("=").translate(_STANDARD_TO_URL)
        try:
            raw = base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to.encode()).decode()
        except (binascii.Error, ValueError, InvalidTag):
            return None
