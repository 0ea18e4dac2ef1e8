"""Typed tables over the data in `profiles/`: what is known of GPUs, drivers, releases, flags."""
