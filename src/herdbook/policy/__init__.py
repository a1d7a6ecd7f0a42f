"""Pure decisions: rows in, verdict out."""
