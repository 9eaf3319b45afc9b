"""The notebook's face of lmnb: the Studio, the trace viewer and the plots. The core finds them by entry points and
works without them.
"""
