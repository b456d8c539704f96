"""What the party of a leg says, as text: recognised by the stream host."""
