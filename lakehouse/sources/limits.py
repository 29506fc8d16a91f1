"""How large a delivery may be, from the environment (prefix ``CITYBRAIN_``)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Limits(BaseSettings):
    """Limits against archives and answers that grow without end; a delivery beyond one is refused unread."""

    model_config = SettingsConfigDict(env_prefix="CITYBRAIN_", frozen=True)

    max_delivery_bytes: int = Field(default=64 << 30, gt=0, description="bytes of one delivery, unpacked")
    max_unpack_ratio: int = Field(default=200, gt=1, description="unpacked size / packed size of an archive")
    max_excel_bytes: int = Field(default=512 << 20, gt=0, description="unpacked bytes of one Excel workbook")
    http_timeout_seconds: float = Field(default=30.0, gt=0, description="time limit of one request to a JSON API")
    http_attempts: int = Field(default=4, ge=1, description="attempts at one page of a JSON API")
    http_max_pages: int = Field(default=1_000_000, ge=1, description="pages of one read of a JSON API")
