"""Quality: cleaning answers, checking texts, gathering evidence, and the gate that decides."""
