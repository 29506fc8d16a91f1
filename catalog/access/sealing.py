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


class Seal:
    """Seals and opens with a key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, text: str, bound_to: str) -> str:
        """Return a sealed text, fit for addresses and cookies."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), bound_to.encode())
        return _written(sealed)

    def opened(self, sealed: str, bound_to: str) -> str | None:
        """Return what was sealed; None for what was changed, sealed with another key, or bound to something else.

        Changed is also what stands for the same bytes but is not what ``seal`` wrote: padded, in the standard alphabet, or
        with other letters where the bits of the last one stand for nothing.
        """
        try:
            raw = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
            if _written(raw) != sealed:
                return None
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to.encode()).decode()
        except (binascii.Error, ValueError, InvalidTag):
            return None


def _written(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")
