"""One error shape for every door: ``{"error": {"code", "message", "hint", "request_id"}}``."""

from __future__ import annotations


class ApiError(Exception):
    """An answer that is not data: HTTP status, a code for programs, a message and a hint for people."""

    def __init__(self, status: int, code: str, message: str, hint: str = "", *, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.headers = headers or {}

    def body(self, request_id: str) -> dict[str, dict[str, str]]:
        """Return the error as the JSON body of an answer."""
        return {
            "error": {"code": self.code, "message": self.message, "hint": self.hint, "request_id": request_id},
        }
