"""Specialists and refiners that learn: trained, converted, compared, promoted."""
