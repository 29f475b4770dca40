"""Streamo: a live video assistant that decides every second to stay silent, stand by or respond."""
