"""Who may look: a password, or a login by OpenID Connect, before any page of a shared dashboard is shown."""

import hashlib
import hmac
import json
import os
import secrets
import time

import streamlit as st

from dashboard import sharing

VARIABLE = "VITRINE_PASSWORD_HASH"  # salt and hash; the password itself is kept nowhere
LOGIN = "VITRINE_LOGIN"  # "1" where people log in
SHORTEST = 8  # letters of a password
COOKIE = "vitrine-entered"
HOURS = 12  # for which a browser need not ask again
FREE = 3  # wrong passwords from one address before it has to wait
LONGEST = 60.0  # seconds
MOST = 10_000  # addresses, and browsers, that are remembered


def hashed(password: str, salt: bytes | None = None) -> str:
    """Salt and scrypt hash of a password, as VARIABLE holds them."""
    salt = salt or secrets.token_bytes(16)
    return f"{salt.hex()}:{hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()}"


def fits(password: str, stored: str) -> bool:
    """Whether a password is the one that was hashed; takes as long for each."""
    salt, _, _ = stored.partition(":")
    try:
        made = hashed(password, bytes.fromhex(salt) or None)
    except ValueError:  # no hash at all
        return False
    return hmac.compare_digest(made.encode(), stored.encode())


def gate() -> None:
    """Let the page go on for those who may look; else ask for the password, or to log in, and end the script here."""
    if not sharing.read_only():
        return
    if by_login():
        if not st.user.is_logged_in:
            _title()
            st.markdown("Log in to look at the runs of this team.")
            st.button("Log in", type="primary", icon=":material/login:", on_click=st.login)
            st.stop()
        if not may_enter(st.user.get("email"), st.user.get("email_verified", True), st.secrets["auth"].get("allowed")):
            _title()
            st.error(
                "Your account is not on the list of those who may look here. Ask whoever runs this dashboard.",
                icon=":material/error:",
            )
            st.button("Log out", icon=":material/logout:", on_click=st.logout)
            st.stop()
        return
    if st.session_state.get("entered") or _browsers().get(_digest(st.context.cookies.get(COOKIE, "")), 0) > time.time():
        st.session_state["entered"] = True
        return
    _ask()
    st.stop()


def may_enter(email: object, verified: object, allowed: object) -> bool:
    """Whether an account may look: its address, or the part from the @ on, must be in the list; without one nobody may.

    A provider such as Google lets in every account in the world, so who may come is said here.
    """
    if not isinstance(email, str) or verified is not True or not isinstance(allowed, (list, tuple)):
        return False
    email = email.strip().lower()
    names = {name.strip().lower() for name in allowed if isinstance(name, str)}
    return email in names or "".join(email.rpartition("@")[1:]) in names


def _ask() -> None:
    """The password page."""
    address = getattr(st.context, "ip_address", None) or "this machine"
    with st.container(width=420):
        _title()
        st.markdown("Trained classifiers of a team, to be looked at. Whoever shared them knows the password.")
        with st.form("password", border=False):
            given = st.text_input("Password", type="password", autocomplete="current-password")
            sent = st.form_submit_button("Look", type="primary", icon=":material/login:")
        if not sent:
            return
        if (left := waits(_failures(), address, time.monotonic())) > 0:
            st.error(f"Too many wrong passwords from here; try again in {left:.0f} s.", icon=":material/error:")
            return
        failed(_failures(), address, time.monotonic())  # until it fits, so that of many sent at once few are tried
        if not fits(given, os.environ.get(VARIABLE, "00:")):
            time.sleep(0.5)
            st.error("That is not the password. Whoever runs this dashboard knows it.", icon=":material/error:")
            return
    _failures().pop(address, None)
    _remember()
    st.rerun()


def waits(failures: dict, address: str, now: float) -> float:
    """Seconds that an address still has to wait: 2, 4, 8 and so on after each failure beyond the first FREE."""
    times, last = failures.get(address, (0, 0.0))
    return max(0.0, last + min(LONGEST, 2.0 ** (times - FREE + 1)) - now) if times >= FREE else 0.0


def failed(failures: dict, address: str, now: float) -> None:
    """Note a wrong password; the address that failed longest ago is forgotten where there are too many."""
    times, _ = failures.pop(address, (0, 0.0))
    failures[address] = (times + 1, now)
    if len(failures) > MOST:
        failures.pop(next(iter(failures)))


def _remember() -> None:
    """Let this browser in for some hours, also in another tab and after a reload."""
    known, token = _browsers(), secrets.token_urlsafe(32)
    now = time.time()
    for old in [name for name, until in known.items() if until < now]:
        del known[old]
    if len(known) < MOST:
        known[_digest(token)] = now + 3600 * HOURS
    st.session_state["entered"] = True
    st.session_state["cookie"] = token


def _digest(token: str) -> str:
    """What a token is looked up by, so that how long that takes tells nothing of the token."""
    return hashlib.sha256(str(token).encode(errors="replace")).hexdigest()


def keep_cookie() -> None:
    """Hand the browser its token, on the first page after the password."""
    if token := st.session_state.pop("cookie", None):
        secure = "; Secure" if st.get_option("server.sslCertFile") else ""
        text = json.dumps(f"{COOKIE}={token}; path=/; max-age={3600 * HOURS}; SameSite=Strict{secure}")
        st.html(f"<script>document.cookie = {text}</script>", unsafe_allow_javascript=True)


def by_login() -> bool:
    """Whether people log in by OpenID Connect, as was decided when the dashboard was started."""
    return os.environ.get(LOGIN) == "1"


def _title() -> None:
    st.title("Vitrine")


@st.cache_resource(show_spinner=False)
def _failures() -> dict[str, tuple[int, float]]:
    """Wrong passwords by address: how many, and when the last one was."""
    return {}


@st.cache_resource(show_spinner=False)
def _browsers() -> dict[str, float]:
    """Digests of the tokens of browsers that gave the password, and until when they count."""
    return {}
