"""The server: one service layer, and the surfaces that existing tools already speak to."""
