"""The benchmark: how fast are pictures made here, and is that slower than before?"""
