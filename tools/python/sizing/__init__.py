"""What a deployment takes: processor, memory, Redis and the database, per request and per person."""
