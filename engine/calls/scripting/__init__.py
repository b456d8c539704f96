"""Scripts on a leg: what the machine of `engine/scripts` asks for is said, gathered and done."""
