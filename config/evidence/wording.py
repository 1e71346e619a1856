"""The verifier's words in Chinese. Source of the keys: the phrases that ``archive``, ``verify`` and ``statements`` refuse with."""

from collections.abc import Mapping

WHY: Mapping[str, str] = {
    "a part of it cannot be read": "其中一部分无法读取",
    "a signature on it does not hold": "其上的一个签名无效",
    "a witness you name has not cosigned it": "您指定的见证方没有会签",
    "it calls the same time covered and missing": "同一时段既被称为已覆盖，又被称为缺失",
    "it attests no day of this site": "不是本机构某日的证明",
    "it calls time covered of which there is no recording here": "称某时段已覆盖，但包内没有对应的录像",
    "it calls time covered that the day's attestation calls missing": "称某时段已覆盖，但当日证明称其缺失",
    "it cannot be read": "无法读取",
    "it comes twice, or without its manifest, entry or proof": "重复出现，或缺少清单、账本条目、证明之一",
    "it does not belong to the recording beside it": "与相邻的录像不属于同一段",
    "it does not continue the attestation of the day before": "与前一日的证明不相连",
    "it does not continue the one before it": "与前一份清单不相连",
    "it does not match its checksum": "与校验和不符",
    "it does not name the attestation that it replaces": "没有指明所替代的证明",
    "it does not show that the entry stands in the ledger": "不能证明该条目在账本之中",
    "it holds too many files": "文件数量过多",
    "it is about another camera": "属于另一台摄像机",
    "it is about something else": "所述的不是本包的内容",
    "it is by an agent that the index does not name": "出自索引中没有列出的终端",
    "it is cut short": "不完整，被截断",
    "it is missing, or comes too late": "缺失，或位置过后",
    "it is missing, or not in its place": "缺失，或不在应有的位置",
    "it is no evidence package, or its beginning is missing": "不是证据包，或缺少开头",
    "it is no index of a package by the key you trust": "不是由您所信任的密钥签发的证据包索引",
    "it is no manifest": "不是录像清单",
    "it is not in the list of contents": "不在内容清单之中",
    "it is not signed by its agent": "不是由其终端签名",
    "it is not signed by the key you trust": "不是由您所信任的密钥签名",
    "it is not the list that the index was signed for": "不是索引签名时的内容清单",
    "it is not the recording that its manifest is about": "不是清单所述的那段录像",
    "it is of a key that the index does not name": "属于索引中没有列出的密钥",
    "it is of another ledger": "属于另一本账本",
    "it is of another time": "不属于本包的时段",
    "it is signed in a way that this version does not know: take a newer one": "所用的签名算法本版本不认识：请使用更新的版本",
    "it is the certificate of another agent or key": "是另一终端或另一密钥的证书",
    "it is too large": "过大",
    "it names a file as no package does": "其中有不合规的文件名",
    "it names another ledger key or an empty period": "写有另一把账本密钥，或时段为空",
    "it secures another recording": "所锁定的是另一段录像",
    "it secures nothing": "不是锁定录像的条目",
    "its authority did not issue it": "不是由所附的证书机构签发",
    "its bytes are not those that were listed": "内容与清单中的摘要不符",
    "its directory is not the one of its files": "目录与其文件不符",
    "its header holds what does not belong there": "文件头中有不该出现的内容",
    "its lock ends before its day": "锁定期早于规定的日期结束",
    "its recording is missing": "缺少对应的录像",
    "its timestamp does not hold": "时间戳无效",
    "the ledger does not continue this checkpoint": "账本与这一检查点不相连",
    "its spans overlap, run backwards or leave the period": "其时段重叠、倒序或超出范围",
}

TEXTS: Mapping[str, tuple[str, str]] = {
    "genuine": ("真实：以下内容均经验证。", "Genuine: everything below has been checked."),
    "refused": ("不真实：{item}：{why}", "Not genuine: {item}: {why}"),
    "stop": (
        "请勿采信此证据包。请向发出方重新索取，并保留此文件以供调查。",
        "Do not rely on this package. Ask for it again where it came from, and keep this file for an investigation.",
    ),
    "site": ("机构", "Site"),
    "camera": ("摄像机", "Camera"),
    "period": ("时段", "Period"),
    "to": ("至", "to"),
    "recordings": ("录像", "Recordings"),
    "recordings_value": ("{count} 段，{size}", "{count}, {size}"),
    "covered": ("已覆盖", "Covered"),
    "gaps": ("缺口", "Gaps"),
    "none": ("无", "none"),
    "exported": ("导出", "Exported"),
    "exported_value": ("{at}，{who}，事由：{reason}", "{at} by {who}, for: {reason}"),
    "ledger": ("账本", "Ledger"),
    "ledger_value": ("{origin}，{size} 条", "{origin}, {size} entries"),
    "cosigned": ("会签", "Cosigned by"),
    "not_cosigned": (
        "没有会签：只有中心自己为账本作保",
        "nobody: the centre alone vouches for the ledger",
    ),
    "attested": ("每日证明", "Days attested"),
    "attested_value": ("{days} 天（{first} 至 {last}）", "{days} ({first} to {last})"),
    "witnessed_until": ("{size} 条以内", "up to entry {size}"),
    "stamped": ("时间戳", "Timestamp"),
    "stamped_value": ("{at}（UTC），由可信机构出具", "{at} UTC, by an authority that you trust"),
    "stamped_unchecked": (
        "{at}（UTC），未检查：请用 --tsa 给出时间戳机构的根证书",
        "{at} UTC, not checked: give the authority's root certificate with --tsa",
    ),
    "stamped_unreadable": (
        "未检查：先安装 nightlight[timestamps]，再用 --tsa 给出根证书",
        "not checked: install nightlight[timestamps], then give a root certificate with --tsa",
    ),
    "not_stamped": ("没有涵盖这些录像的时间戳", "none that covers these recordings"),
    "keys": ("终端密钥", "Agent keys"),
    "keys_value": (
        "{keys} 把，其中 {enrolled} 把有证书；证书机构 {authority}",
        "{keys}, of which {enrolled} with certificates of the authority {authority}",
    ),
    "bad_tsa": (
        "{path} 不是可用的证书：应为时间戳机构的根证书（PEM）。",
        "{path} is no usable certificate: give the root of the timestamp authority (PEM).",
    ),
    "no_tsa_library": (
        "检查时间戳需要 rfc3161-client：pip install 'nightlight[timestamps]'",
        "Timestamps need rfc3161-client: pip install 'nightlight[timestamps]'",
    ),
    "checking": ("正在检查 {done}/{of}", "Checking {done} of {of}"),
    "colon": ("：", ": "),
    "whole_package": ("整个证据包", "the package as a whole"),
    "checked_with": ("所用公钥的指纹", "Fingerprint of the key"),
    "more_gaps": ("另有 {count} 处", "{count} more"),
    "absent": ("没有这个文件", "there is no such file"),
    "is_folder": ("这是文件夹", "it is a folder"),
    "not_allowed": ("没有读取权限", "you may not read it"),
    "no_key": (
        "请用 --key 给出中心的公钥：从监管方公布的地方取得，而不是从证据包的发出方取得。",
        "give the centre's public key with --key, from where the authority publishes it, not from who sent the package.",
    ),
    "no_file": ("无法打开 {path}：{why}", "Cannot open {path}: {why}"),
    "bad_key": (
        "{path} 不是可用的公钥：应为监管方公布的 Ed25519 公钥（PEM）。",
        "{path} is no usable key: give the Ed25519 public key (PEM) that the authority publishes.",
    ),
    "bad_witness": ("{key} 不是见证方公钥", "{key} is no witness key"),
}


def said(key: str, language: str, /, **values: object) -> str:
    """A text in ``zh`` or ``en``."""
    return TEXTS[key][0 if language == "zh" else 1].format(**values)


def why(phrase: str, language: str) -> str:
    return WHY[phrase] if language == "zh" else phrase
