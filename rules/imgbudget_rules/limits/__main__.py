"""Make `_generated.py` of the YAML files: `python -m imgbudget_rules.limits`, after every change of them."""

from imgbudget_rules.limits.generate import GENERATED, render

if __name__ == "__main__":
    GENERATED.write_text(render(), encoding="utf-8")
