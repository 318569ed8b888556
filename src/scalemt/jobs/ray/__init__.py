"""Jobs on Ray: the ledger stays with the driver, engines and generalists are actors anywhere in the cluster."""
