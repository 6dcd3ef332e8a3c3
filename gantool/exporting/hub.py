"""Publishing an exported folder on the Hugging Face Hub."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gantool.errors import GantoolError, MissingExtraError, UsageError

if TYPE_CHECKING:
    from gantool.exporting.folder import ExportedFolder

REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
LOGIN = "log in with: hf auth login, or set HF_TOKEN"


def check_repository(name: str) -> None:
    """Refuse what cannot be a repository, and a missing extra, before anything is computed."""
    if not REPOSITORY.fullmatch(name):
        raise UsageError(f"--push takes OWNER/NAME, got '{name}'")
    _library()


def push(folder: ExportedFolder, name: str, api: Any = None) -> str:
    """Upload an export's own files to a model repository, which is made if it is not there.

    Args:
        folder: What to upload; other files in the folder stay.
        name: OWNER/NAME.
        api: What talks to the Hub; by default `huggingface_hub.HfApi()`.

    Returns:
        The address of the repository.
    """
    library = _library()
    api = library.HfApi() if api is None else api
    try:
        address = api.create_repo(name, repo_type="model", exist_ok=True)
        api.upload_folder(
            repo_id=name,
            folder_path=folder.path,
            repo_type="model",
            allow_patterns=[path.name for path in folder.files()],
            commit_message="Export from gantool",
        )
    except Exception as error:  # its errors changed their parents more than once
        raise _understood(error, name, library.errors) from error
    return str(address)


def _understood(error: Exception, name: str, errors: Any) -> GantoolError:
    reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    if isinstance(error, errors.LocalTokenNotFoundError):
        return UsageError("nobody is logged in to the Hugging Face Hub", LOGIN)
    if isinstance(error, errors.HFValidationError):
        return UsageError(f"'{name}' cannot be a repository: {reason}")
    if isinstance(error, errors.HfHubHTTPError):
        status = getattr(getattr(error, "response", None), "status_code", None)
        hint = LOGIN if status in (401, 403) else None
        return UsageError(f"the Hugging Face Hub refused {name}: {reason}", hint)
    return GantoolError(
        f"the Hugging Face Hub cannot be reached: {reason}", "the exported folder is complete"
    )


def _library() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise MissingExtraError(
            "the Hugging Face Hub needs a package that is not installed: huggingface_hub",
            'pip install "gantool[hub]"',
        ) from error
    return huggingface_hub
