"""The types of signature fields: how they are written in a string, in a prompt and in a saved file, and how values
are checked.
"""
