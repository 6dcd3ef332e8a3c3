"""Two ways to keep a generator from making the same image again and again, as a gantool plugin."""
