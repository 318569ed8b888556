"""Surfaces: each gives the service layer the form of one API, and holds no logic that another would need."""
