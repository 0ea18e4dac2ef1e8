"""Writes model files: whole or not at all, byte for byte what safetensors itself would write."""
