"""Whether the process is up (`/livez`), whether it can serve (`/readyz`), and what it has done (`/metrics`)."""
