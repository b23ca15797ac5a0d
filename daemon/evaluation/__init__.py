"""How good a model is on labelled texts. Nothing of serving."""
