"""A cluster on one machine: Quotaplane in several processes, with the servers that it needs."""
