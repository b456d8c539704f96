"""Who calls: what the trunk says, who diverted the call, and whether the number is theirs."""
