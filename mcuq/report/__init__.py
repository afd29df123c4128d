"""What a person reads: tables and summaries."""
