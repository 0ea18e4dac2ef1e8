"""`sdops scan`: would loading a model file run code?"""
