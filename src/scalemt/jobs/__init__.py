"""Jobs: files and data sets translated through a ledger: a crash loses nothing, and nothing is paid twice."""
