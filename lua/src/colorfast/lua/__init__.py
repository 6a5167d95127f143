"""Policies as Lua scripts for Envoy."""
