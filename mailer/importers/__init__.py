"""From a bulletin file, as staff made it, to an Issue."""
