"""Checks of ``catalog.contract.lint``, one module a concern."""
