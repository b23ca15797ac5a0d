"""The contract with integrators, as machines read it: AsyncAPI, JSON Schema, definitions."""
