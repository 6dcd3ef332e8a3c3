"""Publishing, with the Hub's own errors and without the Hub."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from gantool.errors import GantoolError, MissingExtraError, UsageError
from gantool.exporting.folder import ExportedFolder
from gantool.exporting.hub import check_repository, push

hub = pytest.importorskip("huggingface_hub")
pytest.importorskip("huggingface_hub.errors")


class Api:
    """Answers as HfApi does; keeps what it was asked."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def create_repo(self, repo_id: str, **options: Any) -> str:
        """Make a repository."""
        self.asked.append(("create", {"repo_id": repo_id, **options}))
        return f"https://huggingface.co/{repo_id}"

    def upload_folder(self, **options: Any) -> None:
        """Upload, or fail."""
        if self.failure is not None:
            raise self.failure
        self.asked.append(("upload", options))


@pytest.fixture
def folder(tmp_path: Path) -> ExportedFolder:
    """A folder with an export's files and a private one."""
    folder = ExportedFolder(tmp_path)
    for name in ("README.md", "config.json", "generator.safetensors", "diary.txt"):
        (tmp_path / name).touch()
    return folder


def test_only_the_exports_own_files_are_uploaded(folder: ExportedFolder) -> None:
    api = Api()
    assert push(folder, "me/paintings", api) == "https://huggingface.co/me/paintings"
    (_, created), (_, uploaded) = api.asked
    assert created == {"repo_id": "me/paintings", "repo_type": "model", "exist_ok": True}
    assert uploaded["folder_path"] == folder.path
    assert set(uploaded["allow_patterns"]) == {
        "README.md",
        "config.json",
        "generator.safetensors",
    }


def test_the_fake_takes_what_the_real_one_takes() -> None:
    import inspect

    created = inspect.signature(hub.HfApi.create_repo).parameters
    assert {"repo_type", "exist_ok"} <= created.keys()
    uploaded = inspect.signature(hub.HfApi.upload_folder).parameters
    asked = {"repo_id", "folder_path", "repo_type", "allow_patterns", "commit_message"}
    assert asked <= uploaded.keys()


def refusal(status: int) -> Exception:
    error: Exception = hub.errors.HfHubHTTPError.__new__(hub.errors.HfHubHTTPError)
    error.args = (f"{status} refused\nmore",)
    error.response = type("Response", (), {"status_code": status})()  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("failure", "kind", "message", "hint"),
    [
        (hub.errors.LocalTokenNotFoundError("x"), UsageError, "nobody is logged in", "HF_TOKEN"),
        (hub.errors.HFValidationError("bad name"), UsageError, "cannot be a repository", None),
        (refusal(403), UsageError, "refused me/x: ", "HF_TOKEN"),
        (refusal(500), UsageError, "refused me/x: ", None),
        (ConnectionError("no route"), GantoolError, "cannot be reached: no route", "is complete"),
    ],
)
def test_failures_say_what_to_do(
    folder: ExportedFolder,
    failure: Exception,
    kind: type[GantoolError],
    message: str,
    hint: str | None,
) -> None:
    with pytest.raises(GantoolError) as failed:
        push(folder, "me/x", Api(failure))
    assert type(failed.value) is kind
    assert message in failed.value.message
    assert "\n" not in failed.value.message
    assert (hint is None) == (failed.value.hint is None)
    assert (hint or "") in (failed.value.hint or "")


def test_names_and_the_extra_are_checked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    check_repository("me/paintings-32.v1")
    for name in ("paintings", "me/", "/x", "a/b/c", "me/a b", "https://huggingface.co/me/x"):
        with pytest.raises(UsageError, match="OWNER/NAME"):
            check_repository(name)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match="huggingface_hub") as refused:
        check_repository("me/x")
    assert "gantool[hub]" in str(refused.value.hint)
