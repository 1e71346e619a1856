#!/bin/sh
# Installs, upgrades or removes the Nightlight agent on Debian or Ubuntu.  安装、升级或卸载小夜灯园内主机。
#
#   sudo sh install.sh                install, or upgrade what is there     安装或升级
#   sudo sh install.sh --uninstall    remove it; asks about recordings      卸载，会询问录像去留
#
# Invariants: a recording that has not reached the server is never deleted without a sentence typed by a person; a
# release is complete and has been started by the agent's own user before it is switched to; a start that fails is
# switched back. Releases lie in /opt/nightlight/<release>, `current` names the one that runs.

set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

ROOT='' LANGUAGE_CHOSEN='' DRY='' YES='' START=1 ACTION=install
MEMBER=nightlight
UNIT=nightlight-agent.service
PYTHON_MIN=11
PROGRAM_KB_MIN=1000000
SPOOL_KB_MIN=2000000
STEPS=7
step=0

# shellcheck source=speech.sh
. "$here/speech.sh"
# shellcheck source=uninstall.sh
. "$here/uninstall.sh"

# --- checks -------------------------------------------------------------------------------------------------------

check_system() {
    next "Checking this machine" "正在检查本机"
    [ "$(id -u)" = 0 ] || die "start it with sudo: sudo sh $0" "请用 sudo 运行：sudo sh $0"
    # shellcheck disable=SC1091
    ids=$(. "${ROOT}/etc/os-release" 2>/dev/null && printf '%s' "${ID:-}${ID_LIKE:+ $ID_LIKE}") || ids=''
    case " $ids " in
        *' debian '* | *' ubuntu '*) ;;
        *) die "this is neither Debian nor Ubuntu. Use Debian 12 or newer, or Ubuntu 24.04 or newer" \
            "本机不是 Debian 或 Ubuntu。请使用 Debian 12 以上或 Ubuntu 24.04 以上" ;;
    esac
    ARCH=$(dpkg --print-architecture)
    case "$ARCH" in
        amd64 | arm64) ;;
        *) die "the processor is $ARCH; amd64 and arm64 are supported" "处理器架构为 $ARCH，仅支持 amd64 和 arm64" ;;
    esac
    made_for=$(cat "$here/ARCH" 2>/dev/null) || made_for=$ARCH
    [ "$made_for" = "$ARCH" ] || die "this file is for $made_for, the machine is $ARCH: take the file for $ARCH" \
        "此安装包用于 $made_for，本机为 $ARCH：请换用 $ARCH 的安装包"
    if live && [ ! -d /run/systemd/system ]; then
        die "systemd does not run here (a container?). Install on the machine itself" \
            "本机没有运行 systemd（可能是容器），请直接安装到主机上"
    fi
    good "$ids, $ARCH" "$ids，$ARCH"
}

find_python() {
    python=''
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        # Only the system's own: the agent's user may look into nobody's home directory.
        found=/usr/bin/$candidate
        [ -x "$found" ] || continue
        minor=$("$found" -c 'import sys; print(sys.version_info[1] if sys.version_info[0] == 3 else 0)') || continue
        [ "$minor" -ge "$PYTHON_MIN" ] || continue
        if [ -f "$here/PYTHONS" ] && ! grep -qx "3.$minor" "$here/PYTHONS"; then continue; fi
        python=$found
        return 0
    done
    return 1
}

check_python() {
    if ! find_python; then
        wanted=python3.11
        if live && apt-cache policy "$wanted" 2>/dev/null | grep -q 'Candidate: [0-9]' &&
            agreed "Python 3.$PYTHON_MIN or newer is missing. Install $wanted from your system's packages now?" \
                "缺少 Python 3.$PYTHON_MIN 以上版本。现在从系统软件源安装 $wanted 吗？"; then
            slowly apt-get install -y --no-install-recommends "$wanted" "$wanted-venv" || true
        fi
        find_python || die \
            "no Python that this can use (3.$PYTHON_MIN or newer). Debian 12, Ubuntu 24.04 or newer bring one; on Ubuntu 22.04: sudo apt install python3.11" \
            "没有可用的 Python（需 3.$PYTHON_MIN 以上）。Debian 12、Ubuntu 24.04 及以上自带；Ubuntu 22.04 请运行：sudo apt install python3.11"
    fi
    if [ ! -d "$here/wheels" ] && ! "$python" -c 'import ensurepip' 2>/dev/null; then
        package=python3.$minor-venv
        agreed "The package $package is missing. Install it now?" "缺少软件包 $package。现在安装吗？" ||
            die "install it first: sudo apt install $package" "请先安装：sudo apt install $package"
        slowly apt-get install -y --no-install-recommends "$package" || die "could not install $package" "无法安装 $package"
    fi
    good "Python 3.$minor" "Python 3.$minor"
}

free_kb() { # PATH: of the nearest folder that exists
    looked=$1
    while [ ! -d "$looked" ]; do looked=$(dirname "$looked"); done
    df -Pk "$looked" | awk 'NR==2 {print $4}'
}

check_room() {
    room=$(free_kb "$ROOT/opt")
    [ "$room" -ge "$PROGRAM_KB_MIN" ] ||
        die "/opt has $((room / 1024)) MB free, $((PROGRAM_KB_MIN / 1024)) MB are needed: free some" \
            "/opt 剩余 $((room / 1024)) MB，需要 $((PROGRAM_KB_MIN / 1024)) MB：请清理磁盘"
    room=$(free_kb "$ROOT/var/lib/nightlight")
    [ "$room" -ge "$SPOOL_KB_MIN" ] ||
        die "/var/lib has $((room / 1024)) MB free; recordings need at least $((SPOOL_KB_MIN / 1024)) MB" \
            "/var/lib 剩余 $((room / 1024)) MB；存放录像至少需要 $((SPOOL_KB_MIN / 1024)) MB"
    # 16 cameras of 4 Mbit/s are 8,000 kB a second.
    good "$((room / 1048576)) GB free: about $((room / 28800000)) h of 16 cameras without a network" \
        "剩余 $((room / 1048576)) GB：断网时可存 16 路约 $((room / 28800000)) 小时"
}

check_clock() {
    live || return 0
    command -v timedatectl >/dev/null || return 0
    if [ "$(timedatectl show -p NTPSynchronized --value 2>/dev/null)" = yes ]; then
        good "the clock is synchronised" "时钟已同步"
        return 0
    fi
    timedatectl set-ntp true 2>/dev/null || true
    warn "the clock is not synchronised yet. The time of recordings is compared with the server's all the same; switch NTP on: sudo apt install systemd-timesyncd && sudo timedatectl set-ntp true" \
        "时钟尚未同步。录像时间仍会与服务器比对；请开启 NTP：sudo apt install systemd-timesyncd && sudo timedatectl set-ntp true"
}

# A bundle says what it holds; a bad copy ends here.
check_source() {
    if [ -f "$here/SHA256SUMS" ]; then
        (cd "$here" && sha256sum --quiet --strict -c SHA256SUMS) >/dev/null ||
            die "the installation file is damaged: copy it again" "安装包已损坏：请重新拷贝"
        app=$here/app requirements=$here/requirements.txt version=$(cat "$here/VERSION")
    else
        repository=$(CDPATH='' cd -- "$here/../.." && pwd)
        app=$repository requirements=$repository/deploy/requirements/agent.txt
        version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$repository/pyproject.toml")
    fi
    [ -d "$app/edge_agent" ] || die "there is no edge_agent beside this installer: take the whole bundle" \
        "安装程序旁缺少 edge_agent：请使用完整的安装包"
    digest=$( (cd "$app" && find config edge_agent -type f ! -name '*.pyc' | LC_ALL=C sort | xargs -d '\n' sha256sum
        sha256sum "$requirements" "$here/$UNIT" "$here/nightlight-agent" | cut -c1-64) | sha256sum | cut -c1-8)
    RELEASE=$version-$digest-py3$minor
}

# As the unit asks: enrolled, or set up by hand for a trial.
is_enrolled() {
    [ -f "$ROOT/var/lib/nightlight/enrolled.toml" ] || grep -qs '^site_id' "$ROOT/etc/nightlight/agent.toml"
}

# --- installation -------------------------------------------------------------------------------------------------

make_user() {
    next "The agent's own user and folders" "创建专用用户和目录"
    if ! grep -q "^$MEMBER:" "$ROOT/etc/passwd"; then
        run useradd ${ROOT:+--prefix "$ROOT"} --system --user-group --no-create-home \
            --home-dir /var/lib/nightlight --shell /usr/sbin/nologin "$MEMBER"
    fi
    run mkdir -p "$ROOT/opt/nightlight" "$ROOT/etc/nightlight" "$ROOT/var/lib/nightlight"
    run chmod 0750 "$ROOT/etc/nightlight"
    run chmod 0700 "$ROOT/var/lib/nightlight"
    own "$ROOT/etc/nightlight" "$ROOT/var/lib/nightlight"
}

build_release() {
    next "Installing $RELEASE (a minute or two)" "正在安装 $RELEASE（约一两分钟）"
    release=$ROOT/opt/nightlight/$RELEASE
    if [ -f "$release/complete" ]; then
        good "it is there already" "已存在，无需重装"
        return 0
    fi
    run rm -rf "$release"
    run mkdir -p "$release/app" "$release/bin"
    if [ -d "$here/wheels" ]; then
        slowly "$python" -m venv --without-pip "$release/venv" || failed_build
        pip=$(find "$here" -maxdepth 1 -name 'pip-*.whl')
        slowly "$release/venv/bin/python" "$pip/pip" --isolated install --no-index --find-links "$here/wheels" \
            --require-hashes --no-cache-dir --disable-pip-version-check --root-user-action=ignore -r "$requirements" || failed_build
    else
        slowly "$python" -m venv "$release/venv" || failed_build
        slowly "$release/venv/bin/python" -m pip install --require-hashes --only-binary=:all: --no-input \
            --disable-pip-version-check --root-user-action=ignore -r "$requirements" || failed_build
    fi
    run cp -R "$app/config" "$app/edge_agent" "$release/app/"
    run find "$release/app" -name __pycache__ -type d -prune -exec rm -rf {} +
    run cp "$here/nightlight-agent" "$release/bin/"
    run cp "$here/$UNIT" "$here/INSTALL.md" "$here/INSTALL.zh-CN.md" "$release/"
    run chmod 0755 "$release/bin/nightlight-agent"
    [ -n "$DRY" ] || printf '%s\n' '../../../../app' >"$release/venv/lib/python3.$minor/site-packages/nightlight.pth"
    run chmod -R u=rwX,go=rX "$release"
    slowly "$release/venv/bin/python" -I -m compileall -q "$release/app" || failed_build
    # Everything is loaded once, by the user that it will run as.
    slowly as_member "$release/venv/bin/python" -I -c 'import av, edge_agent.app' || failed_build
    run touch "$release/complete"
}

as_member() {
    if live; then setpriv --reuid="$MEMBER" --regid="$MEMBER" --init-groups --inh-caps=-all "$@"; else "$@"; fi
}

failed_build() {
    rm -rf "$release"
    die "the packages could not be installed; what ran before runs on. Details: $LOG. Without a network use a bundle" \
        "软件包安装失败，原有版本继续运行。详情见 $LOG。没有网络请使用离线安装包"
}

write_settings() {
    next "Settings in /etc/nightlight" "设置文件 /etc/nightlight"
    settings=$ROOT/etc/nightlight/agent.toml
    if [ -f "$settings" ]; then
        good "yours are kept" "保留原有设置"
        # An upgrade may know fewer keys. Found out here, the old release runs on.
        if is_enrolled && live && ! "$release/venv/bin/python" -I -c \
            'import pathlib, sys; from config.settings.edge import load_edge; load_edge(pathlib.Path(sys.argv[1]))' \
            "$settings" >>"$LOG" 2>&1; then
            tail -n 1 "$LOG" >&2
            die "the new version does not understand $settings; what ran before runs on. Correct the file and run this again" \
                "新版本无法识别 $settings，原有版本继续运行。请改正该文件后重试"
        fi
    else
        # The folder is the agent's: what lies there may be a link. install replaces it, and sets the owner of the file.
        if [ -n "$DRY" ]; then number=$MEMBER:$MEMBER; else number=$(member_number); fi
        run install -m 0640 -o "${number%:*}" -g "${number#*:}" "$here/agent.toml" "$settings"
    fi
    run install -m 0644 "$app/config/settings/edge.toml" "$ROOT/etc/nightlight/agent.toml.example"
}

switch_to() { # RELEASE: one rename, so that there is always a whole release under `current`
    run ln -sfn "$1" "$ROOT/opt/nightlight/current.new"
    run mv -T "$ROOT/opt/nightlight/current.new" "$ROOT/opt/nightlight/current"
    run install -m 0644 "$ROOT/opt/nightlight/$1/$UNIT" "$ROOT/etc/systemd/system/$UNIT"
    run mkdir -p "$ROOT/usr/local/bin"
    run ln -sfn /opt/nightlight/current/bin/nightlight-agent "$ROOT/usr/local/bin/nightlight-agent"
    if live; then systemctl daemon-reload; fi
}

# Started, and still the same process ten seconds later.
starts_well() {
    systemctl restart "$UNIT" || return 1
    before=$(systemctl show -p MainPID --value "$UNIT")
    sleep 10
    [ "$(systemctl is-active "$UNIT")" = active ] && [ "$(systemctl show -p MainPID --value "$UNIT")" = "$before" ]
}

switch_release() {
    next "Switching over" "正在切换"
    previous=$(readlink "$ROOT/opt/nightlight/current" 2>/dev/null) || previous=''
    run mkdir -p "$ROOT/etc/systemd/system"
    switch_to "$RELEASE"
    if live; then systemctl enable --quiet "$UNIT"; else run systemctl ${ROOT:+--root="$ROOT"} --quiet enable "$UNIT"; fi
}

start_release() {
    next "Starting" "正在启动"
    if ! is_enrolled; then
        good "it starts as soon as this machine is enrolled" "本机接入之后即自动启动"
        return 0
    fi
    if ! live || [ -z "$START" ]; then return 0; fi
    if starts_well; then
        good "running" "运行中"
        return 0
    fi
    journalctl -u "$UNIT" -n 20 --no-pager -o cat >&2 || true
    if [ -n "$previous" ] && [ "$previous" != "$RELEASE" ]; then
        switch_to "$previous"
        systemctl restart "$UNIT" || true
        die "the new version did not start. The version before it ($previous) runs again, nothing is lost. Send the lines above to your operator" \
            "新版本未能启动，已恢复原版本（$previous），没有丢失任何内容。请把上面的输出发给系统管理员"
    fi
    die "the agent did not start. The lines above say why; sudo journalctl -u $UNIT shows more" \
        "园内主机未能启动，原因见上；更多信息：sudo journalctl -u $UNIT"
}

prune() {
    for old in "$ROOT"/opt/nightlight/*-py3*; do
        case "${old##*/}" in "$RELEASE" | "$previous" | '*-py3*') continue ;; esac
        run rm -rf "$old"
    done
}

finish() {
    next "Done" "完成"
    if is_enrolled; then
        say "Look at it: sudo nightlight-agent status" "查看状态：sudo nightlight-agent status"
        return 0
    fi
    say "Next: sudo nightlight-agent enrol (it asks for the code), then discover, then accept. The guide: /opt/nightlight/current/INSTALL.md" \
        "下一步：sudo nightlight-agent enrol（会询问接入码），然后 discover、accept。说明：/opt/nightlight/current/INSTALL.zh-CN.md"
}

# --- the way through ----------------------------------------------------------------------------------------------

usage() {
    say "sudo sh install.sh [--uninstall] [--dry-run] [--yes] [--no-start] [--language en|zh|both] [--root DIR]
  --uninstall   remove the program; asks whether recordings stay
  --dry-run     tell what would be done, change nothing
  --yes         ask nothing; never deletes recordings
  --no-start    do not start or restart the agent
  --root DIR    install into DIR instead (for images)" \
        "sudo sh install.sh [--uninstall] [--dry-run] [--yes] [--no-start] [--language en|zh|both] [--root 目录]
  --uninstall   卸载程序，会询问是否保留录像
  --dry-run     只说明将要做什么，不做改动
  --yes         不询问；绝不删除录像
  --no-start    不启动也不重启
  --root 目录   安装到该目录（制作镜像用）"
}

while [ $# -gt 0 ]; do
    case "$1" in
        --uninstall) ACTION=uninstall ;;
        --dry-run) DRY=1 ;;
        --yes) YES=1 ;;
        --no-start) START='' ;;
        --language) LANGUAGE_CHOSEN=${2:-both}; shift ;;
        --root) ROOT=$(CDPATH='' cd -- "${2:?--root DIR}" && pwd); shift ;;
        -h | --help) choose_language; usage; exit 0 ;;
        *) choose_language; usage >&2; exit 2 ;;
    esac
    shift
done
choose_language
if [ "$ACTION" = uninstall ]; then uninstall; exit 0; fi

LOG=$ROOT/var/log/nightlight-install.log
check_system
[ -n "$DRY" ] || { mkdir -p "$ROOT/var/log"; : >"$LOG"; chmod 0600 "$LOG"; }
check_python
check_room
check_clock
check_source
make_user
build_release
write_settings
switch_release
start_release
prune
finish
