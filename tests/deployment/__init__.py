"""The image, compose, the wheel and Kubernetes: what can be held true without an engine."""
