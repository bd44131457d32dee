"""The town side: ingest, keep, judge, tell, show."""
