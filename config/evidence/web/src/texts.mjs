// What the page alone says, in Chinese and English; what the command says too comes from config/evidence/wording.py.

export const TEXTS = {
  title: ["证据包验证", "Check an evidence package"],
  lede: [
    "检查证据包是否真实。全部在这台设备上进行，文件不会离开，也不需要网络。",
    "Finds out whether an evidence package is genuine. Everything happens on this device: no file leaves it, and no network is needed.",
  ],
  key_step: ["中心的公钥", "The centre’s public key"],
  key_hint: [
    "请从监管部门公布的地方取得，而不是从证据包的发出方取得。",
    "Take it from where the authority publishes it, not from whoever gave you the package.",
  ],
  key_choose: ["选择公钥文件", "Choose the key file"],
  key_paste: ["或粘贴内容", "or paste it"],
  key_good: ["公钥可用。指纹：{fingerprint}", "This key can be used. Fingerprint: {fingerprint}"],
  key_bad: [
    "不是可用的公钥：应为监管部门公布的 Ed25519 公钥（PEM，以 -----BEGIN PUBLIC KEY----- 开头）。",
    "No usable key: the Ed25519 public key (PEM) that the authority publishes is expected; it begins with -----BEGIN PUBLIC KEY-----.",
  ],
  key_missing: ["请先给出中心的公钥。", "Give the centre’s public key first."],
  witness_step: ["必须会签的见证方（可选）", "Witnesses that must have cosigned (optional)"],
  witness_hint: ["每行一把公钥（名称+编号+base64）", "One key a line (name+id+base64)"],
  witness_bad: ["不是见证方公钥：{key}", "No witness key: {key}"],
  package_step: ["证据包", "The evidence package"],
  package_choose: ["选择证据包", "Choose the package"],
  package_drop: ["或把 .zip 文件拖到这里", "or drop the .zip file here"],
  package_missing: ["请先选择证据包。", "Choose a package first."],
  package_other: [
    "“{name}”不是证据包，没有进行检查。证据包是 .zip 文件：请另选一个；若对方给您的就是它，请向对方重新索取。",
    "“{name}” is no evidence package, and was not checked. A package is a .zip file: choose another; if this is what you were given, ask for it again.",
  ],
  package_chosen: ["{name}（{size}）", "{name} ({size})"],
  check: ["检查", "Check"],
  stop_check: ["停止", "Stop"],
  running: ["正在检查：{percent} %（{done} / {of}）", "Checking: {percent} % ({done} of {of})"],
  refused_title: ["不真实", "Not genuine"],
  genuine_title: ["真实", "Genuine"],
  unchecked_title: ["没有检查完", "Not checked to the end"],
  unreadable: [
    "文件读不出来（{why}）。请确认它还在原处，再选一次。",
    "The file cannot be read ({why}). See that it is still where it was, and choose it again.",
  ],
  stopped: ["检查已停止，尚不能说明真伪。", "The check was stopped; it says nothing yet."],
  failed: [
    "本页出错（{why}），尚不能说明真伪。请换一个新版浏览器，或使用 nightlight-verify。",
    "This page failed ({why}); it says nothing yet. Use a newer browser, or nightlight-verify.",
  ],
  first_item: ["第一个不成立之处", "The first thing that does not hold"],
  stamp_there: [
    "附有时间戳，本页不检查：请用 nightlight-verify --tsa 检查",
    "there is one, which this page does not check: use nightlight-verify --tsa",
  ],
  offline: [
    "可以把本页保存下来，断开网络后使用：浏览器按本页自身的规定（Content-Security-Policy）不许它连接任何地方。",
    "Save this page and use it without a network: by its own rule (Content-Security-Policy) the browser lets it connect to nowhere.",
  ],
  trust: [
    "怀疑中心时，请不要用中心服务器上的本页：请用自己留存的一份，或使用 nightlight-verify。",
    "If the centre itself is in doubt, do not use the copy on its server: use one that you kept, or nightlight-verify.",
  ],
};
