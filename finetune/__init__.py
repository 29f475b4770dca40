"""Builds data for, trains and scores streaming models as the paper does. Nothing of the app imports it."""
