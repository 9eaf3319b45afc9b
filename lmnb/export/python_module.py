"""A program as a readable Python module."""

from lmnb.modules.python_file import export_python

__all__ = ["export_python"]
