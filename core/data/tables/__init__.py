"""Tables: from text to typed columns, and what each column is."""
