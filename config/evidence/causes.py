"""Why time was not covered, in the words of a verifier: Chinese and English, the same as on the pages.

A cause that is not here is shown by its name: a package may be from a later version.
"""

from collections.abc import Mapping

CAUSES: Mapping[str, tuple[str, str]] = {
    "picture_signal_loss": ("摄像头没有房间画面", "camera showed no picture of the room"),
    "picture_too_dark": ("画面过暗", "picture was too dark"),
    "picture_too_bright": ("画面过亮", "picture was too bright"),
    "picture_occluded": ("镜头被遮挡", "lens was covered"),
    "picture_blurred": ("画面模糊", "picture was out of focus"),
    "picture_frozen": ("画面静止", "picture stood still"),
    "picture_scene_moved": ("摄像头朝向改变", "camera looked somewhere else"),
    "picture_streaks": ("画面有条纹", "picture was full of lines"),
    "picture_noise": ("画面噪点多", "picture was full of noise"),
    "picture_colour_cast": ("画面偏色", "colours of the picture were off"),
    "picture_unexamined": ("画面未经检查", "picture was not examined"),
    "planned_maintenance": ("计划维护（事先申报）", "planned maintenance, declared beforehand"),
    "clock_error": ("园内主机的时钟不可信", "clock of the site agent could not be trusted"),
    "challenge_overdue": ("园内自有存储：已要求证明，未获答复", "site's own store: asked for a proof, no answer"),
    "object_missing": ("存储中没有这段录像", "recording is not in the store"),
    "object_corrupt": ("存储中的录像已损坏", "recording in the store is damaged"),
    "lock_too_short": ("存储未能锁定录像", "store did not lock the recording"),
    "upload_pending": ("已录制，尚未上传", "recorded, upload outstanding"),
    "upload_missing": ("已录制，始终未上传", "recorded, never uploaded"),
    "manifest_pending": ("尚未收到记录", "no record received yet"),
    "agent_offline": ("园内主机关闭或失去联系", "site agent was off or out of reach"),
    "camera_unreachable": ("摄像头无法连接", "camera could not be reached"),
    "camera_unauthorised": (
        "摄像头需要用户名和密码，或现有密码不被接受",
        "camera asked for a user and password, or refused ours",
    ),
    "camera_no_video": ("摄像头没有视频信号", "camera sent no video"),
    "stream_stalled": ("画面静止", "picture had stopped"),
    "disk_full": ("园内主机磁盘已满", "disk of the site agent was full"),
    "recording_stopped": ("录像被停止", "recording had been stopped"),
    "unexplained": ("原因不明", "cause not known"),
    "deleted_on_its_day": ("已按期删除", "deleted on its day"),
    "deletion_uncertified": ("正在按期删除，尚无删除证明", "being deleted on its day, without a certificate as yet"),
    "kept_on_site": ("保存在园内自有存储，不在此证据包中", "kept in the site's own store, not in this package"),
    "attestation_pending": ("当日证明尚未更新", "the day's attestation does not count it yet"),
}


def cause(name: str, language: str) -> str:
    """A cause in ``zh`` or ``en``."""
    both = CAUSES.get(name)
    return name if both is None else both[0 if language == "zh" else 1]
