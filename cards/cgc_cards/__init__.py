"""Templates for the cards of releases and models. After installation, they can be imported as `cgc_cards`."""
