"""monday's label colours as screens show them, and the text that is legible on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HEX", "avatar_colour", "hex_of", "ink_on"]

# The names of the enum StatusColumnColors.
HEX: Final[Mapping[str, str]] = {
    "working_orange": "#fdab3d",
    "done_green": "#00c875",
    "stuck_red": "#df2f4a",
    "dark_blue": "#007eb5",
    "purple": "#9d50dd",
    "explosive": "#c4c4c4",
    "grass_green": "#037f4c",
    "bright_blue": "#579bfc",
    "saladish": "#cab641",
    "egg_yolk": "#ffcb00",
    "blackish": "#333333",
    "dark_red": "#bb3354",
    "sofia_pink": "#ff007f",
    "lipstick": "#ff5ac4",
    "dark_purple": "#784bd1",
    "bright_green": "#9cd326",
    "chili_blue": "#66ccff",
    "american_gray": "#757575",
    "brown": "#7f5347",
    "dark_orange": "#ff642e",
    "sunset": "#ff7575",
    "bubble": "#faa1f1",
    "peach": "#ffadad",
    "berry": "#7e3b8a",
    "winter": "#9aadbd",
    "river": "#68a1bd",
    "navy": "#225091",
    "aquamarine": "#4eccc6",
    "indigo": "#5559df",
    "dark_indigo": "#401694",
    "pecan": "#563e3e",
    "lavender": "#bda8f9",
    "royal": "#2b76e5",
    "steel": "#a9bee8",
    "orchid": "#d974b0",
    "lilac": "#9d99b9",
    "tan": "#ad967a",
    "sky": "#a1e3f6",
    "coffee": "#cd9282",
    "teal": "#175a63",
}
NO_COLOUR = "#c4c4c4"
WHITE, DARK = "#ffffff", "#323338"
# Above this brightness (of 255) white is hard to read; monday's orange and green still take it.
BRIGHT = 186


def hex_of(name: str | None) -> str:
    """The screen colour of a label colour; grey for an unknown one."""
    return HEX.get(name or "", NO_COLOUR)


def ink_on(colour: str) -> str:
    """White, or a dark ink where white could not be read."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return DARK if (299 * red + 587 * green + 114 * blue) / 1000 > BRIGHT else WHITE


def avatar_colour(name: str) -> str:
    """The same colour for the same person every time."""
    colours = ("#579bfc", "#784bd1", "#037f4c", "#bb3354", "#ff642e", "#007eb5")
    return colours[sum(name.encode()) % len(colours)]
