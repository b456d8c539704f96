"""Scripts: menus that a party walks through by keys and words.

The interpreter is a machine without sockets and clocks; `engine/calls/scripting` runs it on a leg.
"""
