"""Prompt templates as files, and the code that renders them."""

from scalemt.prompts.template import Template, load_template, template_names

__all__ = ["Template", "load_template", "template_names"]
