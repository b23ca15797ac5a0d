"""What others built for the same job, run beside us."""
