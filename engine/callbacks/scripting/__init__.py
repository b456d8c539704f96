"""The scripts of callbacks: what they ask for, and whom they lead to.

`job_scripts` runs them on the legs of an attempt; transfers and callbacks that they ask for are
carried out here.
"""
