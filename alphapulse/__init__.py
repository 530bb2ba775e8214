"""The ground: words of the market and the doors to storage. It imports no other room."""
