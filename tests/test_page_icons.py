"""Of the theme's icons only those of the book are left, and all of these."""

from pathlib import Path

import pydata_sphinx_theme
from page_icons import ICON, SCRIPT, used_icons, with_icons

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
SMALL = (
    '{0:[1,2],monero:[496,512,[],"f3d0","M352z"],"turn-up":[384,512,[10548,"level-up-alt"],"f3bf",'
    '"M350z"],bars:[448,512,["navicon"],"f0c9",["M0z","M1z"]]};d("fab",p)'
)


def test_an_icon_is_kept_for_its_name_or_another_name():
    assert with_icons(SMALL, {"turn-up"}) == with_icons(SMALL, {"level-up-alt", "no-such"})
    assert "turn-up" in with_icons(SMALL, {"turn-up"})
    assert with_icons(SMALL, {"navicon"}).endswith('"f0c9",["M0z","M1z"]]};d("fab",p)')
    assert with_icons(SMALL, set()) == '{0:[1,2],};d("fab",p)'
    assert with_icons(SMALL, {"monero", "turn-up", "bars"}) == SMALL


def test_the_names_are_found_in_pages_and_scripts(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "page.html").write_text('<i class="fa-solid fa-bars"></i>', encoding="utf-8")
    (tmp_path / "theme.js").write_text('f.classList="fa-solid fa-xmark"', encoding="utf-8")
    (tmp_path / SCRIPT).write_text("fa-nobody", encoding="utf-8")
    assert used_icons(tmp_path) == {"solid", "bars", "xmark"}


def test_the_script_of_the_theme_as_it_is_today():
    whole = (THEME / SCRIPT).read_text(encoding="utf-8")
    names = {icon[1] for icon in ICON.finditer(whole)}
    assert len(names) > 1500
    assert {"bars", "magnifying-glass", "circle-half-stroke"} <= names
    assert len(with_icons(whole, {"bars", "moon"})) < len(whole) / 15
