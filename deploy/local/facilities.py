"""The two facilities of the demonstration, and how simulated cameras are shared out among them.

Every id here is a plain word; every name is what a person in that facility would call the place.
"""

from dataclasses import dataclass

TIMEZONE = "Asia/Shanghai"


@dataclass(frozen=True)
class DemoCamera:
    """One camera: ``stream`` is its name at the simulator, or empty for a camera of the newcomer's own."""

    camera_id: str
    name: str
    zone_id: str
    stream: str


@dataclass(frozen=True)
class DemoSite:
    """One facility with one agent."""

    site_id: str
    name: str
    region: str
    cameras: tuple[DemoCamera, ...]
    pack: str
    """The policy pack it is judged by, until somebody chooses another."""

    @property
    def agent_id(self) -> str:
        return f"{self.site_id}-agent"


ZONES = (
    ("activity", "活动室", "activity"),
    ("nap-room", "午睡室", "sleeping"),
    ("entrance", "大门", "entrance"),
    ("dining", "餐厅", "dining"),
)
"""Zone id, its name, its kind; the order is that of the simulator's rooms."""


def _site(site_id: str, name: str, region: str, first_stream: int, pack: str) -> DemoSite:
    cameras = tuple(
        DemoCamera(f"{site_id}-{zone_id}", zone_name, zone_id, f"cam{first_stream + index}")
        for index, (zone_id, zone_name, _kind) in enumerate(ZONES)
    )
    return DemoSite(site_id, name, region, cameras, pack)


SITES = (
    _site("sunflower", "向日葵托育园", "cn/sichuan/luzhou", 1, "luzhou-longmatan"),
    _site("little-boat", "小船托育中心", "cn/zhejiang/hangzhou", 5, "cn-national-base"),
)
OWN_CAMERA = DemoCamera("sunflower-own", "自备摄像头", "activity", "")
OWN_CAMERA_SITE = SITES[0]
