# shellcheck shell=sh disable=SC2034,SC2154
# Removal. Sourced by install.sh.
#
# Invariant: recordings, key and settings go only after a person has typed a sentence that names how many are lost.

uninstall() {
    STEPS=3
    next "Looking at what is here" "正在查看本机内容"
    [ "$(id -u)" = 0 ] || die "start it with sudo: sudo sh $0 --uninstall" "请用 sudo 运行：sudo sh $0 --uninstall"
    state=$ROOT$(state_dir_set)
    waiting=0 waiting_mb=0
    if [ -d "$state/spool" ]; then
        waiting=$(find "$state/spool" -type f \( -name '*.mp4' -o -name '*.part' \) | wc -l)
        waiting_mb=$(($(du -sk "$state/spool" | cut -f1) / 1024))
    fi
    say "      $waiting recordings ($waiting_mb MB) are on this machine only: the server has not secured them yet." \
        "      有 $waiting 段录像（$waiting_mb MB）只在本机，服务器尚未锁定保存。"
    [ -n "$YES" ] || [ -n "$DRY" ] || [ -t 0 ] ||
        die "nobody is there to be asked. Give --yes to remove the program and keep all recordings" \
            "无人可询问。加 --yes 表示卸载程序并保留全部录像"
    [ -n "$DRY" ] || agreed "Remove the program? This facility will no longer be recorded." \
        "确定卸载程序吗？卸载后本园所将不再录像。" ||
        die "nothing was changed" "未做任何改动"
    next "Removing the program" "正在卸载程序"
    if live; then systemctl disable --now --quiet "$UNIT" 2>/dev/null || true; fi
    if [ -n "$ROOT" ]; then run systemctl --root="$ROOT" --quiet disable "$UNIT" 2>/dev/null || true; fi
    run rm -f "$ROOT/etc/systemd/system/$UNIT" "$ROOT/usr/local/bin/nightlight-agent"
    run rm -rf "$ROOT/opt/nightlight"
    if live; then systemctl daemon-reload; fi
    next "Recordings, key and settings" "录像、密钥和设置"
    sentence="DELETE $waiting"
    say "Keep them (recommended): press Enter. A later installation goes on with them, and uploads what waits." \
        "保留（推荐）：直接按回车。以后重新安装会继续使用，并上传等待中的录像。"
    say "To delete them for ever, type: $sentence" "如要永久删除，请输入：$sentence"
    typed=''
    if [ -z "$DRY" ] && [ -z "$YES" ] && [ -t 0 ]; then read -r typed || typed=''; fi
    if [ "$typed" != "$sentence" ]; then
        good "kept in $state and /etc/nightlight" "已保留在 $state 和 /etc/nightlight"
        return 0
    fi
    # The usual folder is ours alone. Of another one, which the agent's own user may have named, only what is ours goes.
    if [ "$state" = "$ROOT/var/lib/nightlight" ]; then
        run rm -rf "$state"
    else
        run rm -rf "$state/spool" "$state/camera-passwords" "$state/agent-key.pem" "$state/sealing-key.pem" \
            "$state/enrolled.toml" "$state/cameras.toml" "$ROOT/var/lib/nightlight"
    fi
    run rm -rf "$ROOT/etc/nightlight"
    if grep -q "^$MEMBER:" "$ROOT/etc/passwd"; then run userdel ${ROOT:+--prefix "$ROOT"} "$MEMBER"; fi
    good "deleted" "已删除"
}
