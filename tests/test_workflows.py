"""The workflows: what they run is there, they may do what they must, and none knows a secret.

Their syntax is checked by actionlint, in book.yml.
"""

import json
import re
from itertools import pairwise
from pathlib import Path

import do
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = {name for name, _ in do.TARGETS}
FILE = re.compile(r"(?<![\w./-])(?:tools|tests|benchmarks|\.ci|\.binder)/[\w./-]+")
MAKE = re.compile(r"\b(?:make|tools/do\.py) ([\w./-]+)")
# What a job may do beside reading the sources: exactly these jobs, exactly this.
MAY = {
    ("release", "files"): {"contents": "write"},
    ("release", "package-index"): {"id-token": "write"},
    ("release", "notebooks"): {"contents": "write"},
    ("release", "pages"): {"pages": "write", "id-token": "write"},
}


def jobs():
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            yield pytest.param(path.stem, name, job, id=f"{path.stem} {name}")


def steps(job, key):
    return [step[key] for step in job["steps"] if key in step]


ALL = list(jobs())
each_job = pytest.mark.parametrize(("workflow", "name", "job"), ALL)


def test_there_are_jobs():
    assert {case.values[0] for case in ALL} >= {"book", "release"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_only_read(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    assert "secrets" not in text
    assert "pull_request_target" not in text
    assert "continue-on-error" not in text


@each_job
def test_a_job_may_do_what_it_must(workflow, name, job):
    assert job.get("permissions", {"contents": "read"}) == MAY.get(
        (workflow, name), {"contents": "read"}
    )
    if "id-token" in job.get("permissions", {}):
        assert job["environment"]  # where a maintainer says who may
    assert 0 < job["timeout-minutes"] <= 120


@each_job
def test_what_a_job_runs_is_there(workflow, name, job):
    for script in steps(job, "run"):
        for path in FILE.findall(script):
            assert (ROOT / path).is_file(), path
        for target in MAKE.findall(script):
            assert target in TARGETS, target


@each_job
def test_no_text_from_outside_enters_a_shell(workflow, name, job):
    """What stands in ${{ }} would be read as shell; a variable in quotes is only text."""
    for script in steps(job, "run"):
        assert "${{" not in script
        for match in re.finditer(r"\$\w+", script):
            assert script[: match.start()].count('"') % 2, f"{match[0]} outside quotes"


@each_job
def test_actions_are_pinned_and_keep_no_credentials(workflow, name, job):
    for step in job["steps"]:
        action = step.get("uses", "")
        assert not action or re.fullmatch(r"actions/[\w-]+@v\d+|pypa/[\w-]+@release/v\d+", action)
        if action.startswith("actions/checkout@"):
            keeps = step.get("with", {}).get("persist-credentials", True)
            assert keeps == ((workflow, name) == ("release", "notebooks"))  # which pushes


def test_nothing_is_published_before_what_it_leads_to():
    """Notebooks install the wheel, buttons of the pages open the notebooks."""
    release = {case.values[1]: case.values[2] for case in ALL if case.values[0] == "release"}
    order = ["build", "files", "notebooks", "pages"]
    for first, then in pairwise(order):
        assert first in release[then]["needs"]
    assert release["package-index"]["needs"] == "files"
    assert "package-index" in release["notebooks"]["needs"]
    # Without a tag nothing is published: what needs a job that is left out is left out, too.
    assert release["files"]["if"] == "github.ref_type == 'tag'"
    checks = next(step for step in steps(release["build"], "run") if "check_release" in step)
    assert steps(release["build"], "run").index(checks) < steps(release["build"], "run").index(
        "make check"
    )


def test_files_are_handed_on_whole():
    release = {case.values[1]: case.values[2] for case in ALL if case.values[0] == "release"}
    given = [step["with"] for step in release["build"]["steps"] if "upload-artifact" in str(step)]
    names = {with_["name"] for with_ in given if "name" in with_}
    asked = {
        step["with"]["name"]
        for job in release.values()
        for step in job["steps"]
        if "download-artifact" in step.get("uses", "")
    }
    assert asked == names == {"dist", "offline", "notebooks"}
    (notebooks,) = [with_ for with_ in given if with_.get("name") == "notebooks"]
    assert notebooks["include-hidden-files"] is True  # .binder
    assert notebooks["path"] == "_build/notebooks"


def test_no_workflow_publishes_but_release():
    for case in ALL:
        workflow, _, job = case.values
        publishes = [use for use in steps(job, "uses") if re.search("deploy-pages|publish", use)]
        assert not publishes or workflow == "release"


def test_scripts_of_the_cloud_can_be_run():
    for name in (".ci/run", ".binder/postBuild", ".devcontainer/create.sh"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        assert lines[0] == "#!/usr/bin/env bash"
        assert "set -euo pipefail" in lines


def test_codespaces_and_binder_have_the_same_python_and_what_they_name():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    runtime = (ROOT / ".binder/runtime.txt").read_text(encoding="utf-8").strip()
    assert container["image"].rpartition(":")[2] == runtime.removeprefix("python-")
    assert container["postCreateCommand"] == "bash .devcontainer/create.sh"
    (opened,) = container["customizations"]["codespaces"]["openFiles"]
    assert (ROOT / opened).is_file()
    made = "${containerWorkspaceFolder}/.venv/bin/python"
    assert (
        container["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"] == made
    )
    script = (ROOT / ".devcontainer/create.sh").read_text(encoding="utf-8")
    assert "touch .venv/.ready" in script  # so that `make` finds the environment made
