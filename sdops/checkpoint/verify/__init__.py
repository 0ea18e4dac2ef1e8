"""`sdops verify`: is a model file complete, and the one it is said to be?"""
