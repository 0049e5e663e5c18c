"""From bytes to pixels: images are opened here, and measured by what they show when that is asked for."""
