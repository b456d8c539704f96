"""Checks across sections: names that one uses of another, and what stands twice or hides.

Each check gives every fault that it finds.
"""
