"""What models other than Claude make of an image, one small module a rule; each is loaded by its first use.

A module is a strategy: it has `seen`, the size in px that the model looks at; `fits`, whether the API leaves
a size alone; and `cost`, the tokens billed for a size. All are pure and take a size in px and a tier, whose
`number(name)` gives what the limits data says. imgbudget.geometry asks them where a tier names one.
"""
