"""The command line."""


def main() -> None:
    """Run the command line (under construction)."""
    raise SystemExit(2)
