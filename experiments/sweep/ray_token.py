"""Ray's token authentication: whether a cluster asks for a token, which one is here, what to do where it is refused.

``ray start`` switches it on by itself where it finds a token (Ray 2.60); ``ray.init`` with an address does not. Ray
reads RAY_AUTH_MODE when it is imported, so what is set here has to be set before.
"""
import os
import secrets
import subprocess
import sys
from typing import NamedTuple

from compat.errors import UserError

MODE = "RAY_AUTH_MODE"
SECONDS_TO_ASK = 60.0


class Place(NamedTuple):
    """Where Ray takes a token from: a variable or a file, and whether there is one."""

    name: str
    holds_token: bool


def place_of_token() -> Place:
    """The first place that Ray looks at and that is named or, without a name, the file in the home folder."""
    if os.environ.get("RAY_AUTH_TOKEN"):
        return Place("RAY_AUTH_TOKEN", True)
    path = os.environ.get("RAY_AUTH_TOKEN_PATH") or os.path.expanduser("~/.ray/auth_token")
    try:
        with open(path) as file:
            return Place(path, bool(file.read().strip()))
    except (OSError, UnicodeDecodeError):
        return Place(path, False)


def make_own_token() -> None:
    """Give the Ray that this process starts a token of its own, unless there is one or RAY_AUTH_MODE forbids it.

    Ray itself would write one into the home folder, where later clusters would find it.
    """
    if os.environ.get(MODE, "token").lower() == "token" and not place_of_token().holds_token:
        os.environ[MODE] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def agree_with(address: str) -> None:
    """Authenticate as the cluster at an address does; an explicit RAY_AUTH_MODE is left as it is.

    Raises:
        UserError: the cluster refuses the token that is here, or there is none.
    """
    place = place_of_token()
    mode = os.environ.get(MODE, "").lower()
    if address.startswith("ray://"):  # cannot be asked; one that needs no token does not mind one
        mode = mode or ("token" if place.holds_token else "disabled")
    elif not mode:
        mode = "token" if refuses(address, "disabled") else "disabled"
    elif mode != "token" and refuses(address, mode):
        raise UserError(f"--address {address!r}: the cluster asks for a token, but {MODE} is {mode!r} here: unset it")
    if mode == "token" and not place.holds_token:
        raise UserError(f"--address {address!r}: token authentication is on, but there is no token in {place.name}: "
                        "copy the head's ~/.ray/auth_token there, or name its copy with RAY_AUTH_TOKEN_PATH")
    if mode == "token" and not address.startswith("ray://") and refuses(address, mode):
        raise UserError(f"--address {address!r}: the cluster refuses the token of {place.name}: put there the token "
                        "that the head was started with (its RAY_AUTH_TOKEN or ~/.ray/auth_token)")
    os.environ[MODE] = mode


def refuses(address: str, mode: str) -> bool:
    """Whether a cluster refuses what this process would show in a mode; another process asks, for Ray prints much."""
    try:
        done = subprocess.run([sys.executable, "-m", "ray.scripts.scripts", "status", "--address", address],
                              env={**os.environ, MODE: mode}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=SECONDS_TO_ASK)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode != 0 and ("AuthenticationError" in done.stderr or "Unauthenticated" in done.stderr)
