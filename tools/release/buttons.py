"""Buttons of the pages that lead to the repository, and to services that run notebooks."""

from pathlib import Path

from release.address import SERVICES, read_release

BUTTONS = ("use_repository_button", "use_issues_button", "use_edit_page_button")
ICONS = {
    "Colab": "_static/images/logo_colab.png",
    "Kaggle": "fa-brands fa-kaggle",
    "Binder": "_static/images/logo_binder.svg",
}


def turn_on_buttons(app, config) -> None:
    """Turn on the buttons that lead to the repository, once its address is known."""
    if read_release(Path(app.srcdir)):
        config.html_theme_options.update(dict.fromkeys(BUTTONS, True))


def add_launch_buttons(app, pagename, templatename, context, doctree) -> None:
    """Add a menu of the services that run this notebook, as the release holds it.

    The theme's own menu would lead to the branch where the sources are edited, and not to Kaggle.
    """
    release = read_release(Path(app.srcdir))
    if release and doctree and Path(app.srcdir, f"{pagename}.ipynb").is_file():
        buttons = [
            {
                "type": "link",
                "text": service,
                "tooltip": f"Run this notebook on {service}",
                "icon": ICONS[service],
                "url": release.launch(service, f"{pagename}.ipynb"),
            }
            for service in SERVICES
        ]
        menu = {"type": "group", "tooltip": "Run this notebook", "icon": "fas fa-rocket"}
        context["header_buttons"].insert(0, menu | {"buttons": buttons, "label": "launch-buttons"})


def edit_the_source(app, pagename, templatename, context, doctree) -> None:
    """Let "suggest edit" lead to what a lab is made from: the lab would be written over."""
    if pagename.startswith("labs/"):
        release = read_release(Path(app.srcdir))
        for button in (b for group in context["header_buttons"] for b in group.get("buttons", ())):
            if button.get("label") == "source-edit-button":
                button["url"] = release.edit(
                    pagename.replace("labs/", "labs/solutions/") + ".ipynb"
                )
