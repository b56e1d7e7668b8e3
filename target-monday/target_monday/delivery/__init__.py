"""How operations reach the boards: packing, budget, calls and their outcomes."""
