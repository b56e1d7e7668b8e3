"""How operations travel: lanes, packing, budgets."""
