"""synthgym: automatic sound matching as an open benchmark."""
