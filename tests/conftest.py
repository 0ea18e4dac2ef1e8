"""Fixtures for all tests."""

from __future__ import annotations

from tests.nvml.library import fake_nvml

__all__ = ["fake_nvml"]
