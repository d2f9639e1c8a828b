"""Templates of the cards that go with releases and models, importable as `cgc_cards` once installed."""
