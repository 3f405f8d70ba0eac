"""Every address of a release, from two facts: the repository in _config.yml and the version.

Nothing else in the project names the repository. Where `repository.url` is empty there are no
addresses, and so no buttons.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import yaml
from notebook.reading import Unusable

import lenetcourse

GITHUB = re.compile(r"https://github\.com/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?")
SERVICES = ("Colab", "Kaggle", "Binder")  # that run a notebook, in the order of the buttons


@dataclass(frozen=True)
class Release:
    """One version of the course in one repository on GitHub."""

    owner: str
    name: str
    branch: str  # where the sources are edited
    version: str

    @property
    def repository(self) -> str:
        """The repository itself."""
        return f"https://github.com/{self.owner}/{self.name}"

    @property
    def tag(self) -> str:
        """The tag of the sources."""
        return f"v{self.version}"

    @property
    def notebooks(self) -> str:
        """The tag of the notebooks, on the branch `notebooks` that the release writes."""
        return f"notebooks-v{self.version}"

    @property
    def wheel_name(self) -> str:
        """The file name of the wheel."""
        return f"lenetcourse-{self.version}-py3-none-any.whl"

    @property
    def wheel(self) -> str:
        """Where pip gets the wheel."""
        return f"{self.repository}/releases/download/{self.tag}/{self.wheel_name}"

    @property
    def pages(self) -> str:
        """Where the book is published."""
        if self.name.lower() == f"{self.owner}.github.io".lower():  # the pages of the owner
            return f"https://{self.name.lower()}/"
        return f"https://{self.owner.lower()}.github.io/{self.name}/"

    def edit(self, path: str) -> str:
        """Return where a file of the sources is edited."""
        return f"{self.repository}/edit/{self.branch}/{quote(path)}"

    def launch(self, service: str, path: str) -> str:
        """Return the address that opens a notebook in one of `SERVICES`."""
        blob = f"{self.owner}/{self.name}/blob/{self.notebooks}/{quote(path)}"
        match service:
            case "Colab":
                return f"https://colab.research.google.com/github/{blob}"
            case "Kaggle":
                return f"https://kaggle.com/kernels/welcome?src=https://github.com/{blob}"
            case "Binder":
                place = f"{self.owner}/{self.name}/{self.notebooks}"
                return f"https://mybinder.org/v2/gh/{place}?urlpath=lab/tree/{quote(path)}"
        raise ValueError(f"{service!r} is none of {', '.join(SERVICES)}")


def read_release(root: Path) -> Release | None:
    """Return the release that _config.yml in `root` names, None where it names no repository.

    Raises Unusable for an address that is not one of GitHub.
    """
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    repository = config.get("repository") or {}
    url = repository.get("url") or ""
    if not url:
        return None
    match = GITHUB.fullmatch(str(url))
    if not match:
        raise Unusable(
            f"_config.yml: repository.url is {url!r}: write https://github.com/OWNER/NAME"
        )
    branch = repository.get("branch") or "main"
    return Release(match["owner"], match["name"], branch, lenetcourse.__version__)
