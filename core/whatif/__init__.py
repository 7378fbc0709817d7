"""What would change a decision: the fewest and smallest changes to a row of a table. Without torch."""
