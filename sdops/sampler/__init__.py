"""The reference sampler: Stable Diffusion inference in plain PyTorch, written to be read."""
