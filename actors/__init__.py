"""What lives: the kernel that runs any actor, the rules, and Greenroom's own actors."""
