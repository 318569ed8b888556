"""Jobs: files and data sets translated through a ledger, so that a crash loses nothing and nothing is paid twice."""
