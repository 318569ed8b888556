"""The tools of a translator for language models: one server of the Model Context Protocol, whatever carries it.

Source: https://modelcontextprotocol.io/specification/
"""
