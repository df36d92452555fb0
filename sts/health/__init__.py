"""Whether the process is up (`/livez`) and whether it can serve (`/readyz`)."""
