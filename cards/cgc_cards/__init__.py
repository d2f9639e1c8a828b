"""Templates of the cards for releases and models. After installation, they can be imported as `cgc_cards`."""
