"""The operators, one family a file: attributes, shape rule, lowering and integer semantics together."""
