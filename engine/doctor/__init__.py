"""What the machine and the configuration lack, for `ringback doctor`. It changes nothing.

`examination` asks each file here for what it finds. A finding says what is wrong and what to do.
"""
