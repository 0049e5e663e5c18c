"""The public functions, which `imgbudget` itself names; each module is loaded for a function of it."""
