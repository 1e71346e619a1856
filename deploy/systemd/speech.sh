# shellcheck shell=sh disable=SC2034
# What install.sh says, in Chinese and English, and how it does things: for real, or only told under --dry-run.
# Sourced by install.sh.

# --- what is said -------------------------------------------------------------------------------------------------

# The bare console of a PC has no Chinese characters.
choose_language() {
    [ -z "$LANGUAGE_CHOSEN" ] || return 0
    LANGUAGE_CHOSEN=both
    case "${TERM:-}" in linux | vt*) LANGUAGE_CHOSEN=en ;; esac
}

say() { # ENGLISH CHINESE
    case "$LANGUAGE_CHOSEN" in
        en) printf '%s\n' "$1" ;;
        zh) printf '%s\n' "$2" ;;
        *) printf '%s\n%s\n' "$2" "$1" ;;
    esac
}

next() { # ENGLISH CHINESE
    step=$((step + 1))
    say "[$step/$STEPS] $1" "[$step/$STEPS] $2"
}

good() { say "      ok: $1" "      好：$2"; }
warn() { say "      ! $1" "      ！$2"; }

die() { # ENGLISH CHINESE
    say "Stopped: $1" "已停止：$2" >&2
    exit 1
}

# Whether a person answers yes. With --yes nobody is asked; without a terminal the answer is no.
agreed() { # ENGLISH CHINESE
    [ -z "$YES" ] || return 0
    [ -t 0 ] || return 1
    say "$1 [y/N]" "$2 [y/N]"
    read -r answer || return 1
    case "$answer" in y | Y | yes | 是 | 好) return 0 ;; *) return 1 ;; esac
}

# --- what is done -------------------------------------------------------------------------------------------------

run() { # COMMAND…: done, or only told under --dry-run
    if [ -n "$DRY" ]; then printf '      + %s\n' "$*"; else "$@"; fi
}

# Runs what takes long, with a dot a second; its output goes to the log.
slowly() {
    if [ -n "$DRY" ]; then run "$@"; return 0; fi
    "$@" >>"$LOG" 2>&1 &
    working=$!
    printf '      '
    while kill -0 "$working" 2>/dev/null; do printf '.'; sleep 1; done
    printf '\n'
    wait "$working" || { tail -n 15 "$LOG" >&2; return 1; }
}

live() { [ -z "$ROOT" ] && [ -z "$DRY" ]; }

# Files of the agent's own user. In a staging directory the numbers of that directory's passwd count.
own() { # PATH…: a link itself, never what it names
    [ -z "$DRY" ] || { run chown -h "$MEMBER:$MEMBER" "$@"; return 0; }
    chown -h "$(member_number)" "$@"
}

member_number() {
    number=$(sed -n "s/^$MEMBER:[^:]*:\([0-9]*\):\([0-9]*\):.*/\1:\2/p" "$ROOT/etc/passwd")
    printf '%s\n' "${number:-$MEMBER:$MEMBER}"
}

# Where the agent keeps its recordings, as the settings say.
state_dir_set() {
    found=$(sed -n 's/^[[:space:]]*state_dir[[:space:]]*=[[:space:]]*"\([^"]*\)".*/\1/p' \
        "$ROOT/etc/nightlight/agent.toml" 2>/dev/null | tail -n 1)
    case "$found" in /*) ;; *) found=/var/lib/nightlight ;; esac
    printf '%s\n' "$found"
}
