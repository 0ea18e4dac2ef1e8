"""`sdops verify`: is a model file whole, and what it is said to be?"""
