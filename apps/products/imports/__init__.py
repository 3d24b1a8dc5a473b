"""The files of markets, closing prices, strategies and policies."""
