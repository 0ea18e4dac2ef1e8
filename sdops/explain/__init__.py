"""Reads console logs and names the cause: lines, blocks, signatures, the graph of causes."""
