"""K2 Market Data Platform, Python client.

    from k2_platform.query import QueryEngine
    df = QueryEngine().query("SELECT * FROM market_data.ticks LIMIT 10")
"""

__version__ = "0.1.0"
