"""What an audit prints: JSON, Markdown, CSV, and the sections that the text for a terminal is made of."""
