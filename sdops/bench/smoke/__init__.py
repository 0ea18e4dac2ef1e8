"""The smoke test: does generation work here, and which flags does it need?"""
