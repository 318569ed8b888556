"""Prompt templates as files, and the code that renders them."""

from scalemt.prompts.template import Surroundings, Template, load_template, template_names

__all__ = ["Surroundings", "Template", "load_template", "template_names"]
