"""Whether the customer of a callback is joined: by who or what has answered."""
