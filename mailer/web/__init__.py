"""What the public reaches over HTTP: the pixel, the tracked links, leaving a list, and an issue in the browser."""
