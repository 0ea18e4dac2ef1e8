"""Running other programs: with time limits, bounded output, and pip among them."""
