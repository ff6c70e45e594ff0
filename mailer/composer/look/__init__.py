"""How a letter looks: the mail's HTML by the theme Mooring, its text part, its web version."""
