"""The intermediate representation: graph, program, plan."""
