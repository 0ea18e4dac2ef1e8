"""Turns checkpoints into other checkpoints: planned first, streamed, verified, never executed."""
