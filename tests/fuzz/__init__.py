"""Any bytes in, a reading out: every reader is fed damaged samples until a time is up.

To add a reader, write a module with a function that makes its `Target`, and name it in `readers.READERS`.
"""
