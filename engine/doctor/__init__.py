"""What the machine and the configuration lack, for `ringback doctor`. It changes nothing."""
