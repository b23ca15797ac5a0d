"""The checks behind `check`, `doctor`, `try` and `topology plan`. Nothing of the message path."""
