"""The text that is read of an image at full size and at the sizes that models see. Needs imgbudget[text]."""
