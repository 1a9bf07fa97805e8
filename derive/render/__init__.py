"""Reports and derivations as text: one module for each format."""
