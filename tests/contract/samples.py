"""One message of every kind, with fixed values; a change of any of them is a change of the contract."""

import msgspec

from config.wire.acceptance import AcceptanceRequest
from config.wire.alarms import AlarmEvent
from config.wire.cells import (
    CellAnswer,
    CellChallenge,
    CellFetch,
    CellFetched,
    CellOrder,
    CellOrdered,
    SeenInCell,
    SignedRequest,
    StandsInCell,
)
from config.wire.desired_state import CameraOutcome, ConfigurationReport, DesiredCamera, DesiredState
from config.wire.discovery import DiscoveredCamera, StreamOffer
from config.wire.enrolment import CertificateRequest, EnrolmentRequest
from config.wire.evictions import SegmentEvicted
from config.wire.findings import FindingStill, PictureFinding
from config.wire.health import (
    BoxHealth,
    CameraHealth,
    ClockReading,
    Heartbeat,
    PanelHealth,
    SpoolHealth,
    StreamFormat,
)
from config.wire.live import LivePush, LiveWanted
from config.wire.notices import BoxNotice
from config.wire.replay import ReplayReport
from config.wire.sealing import SealedBox
from config.wire.segments import Receipt, SegmentRecorded, SegmentUploaded, UploadRefused, UploadTicketRequest
from config.wire.status import Acknowledgement, CameraState, Presence
from config.wire.witness import CheckpointSeen, LedgerCheckpoint

AT_US = 1_795_262_400_000_000
WHERE = {"message_id": "00112233445566778899aabbccddeeff", "site_id": "sunflower", "agent_id": "sunflower-box"}
SEGMENT = "0123456789abcdef0123456789abcdef"
KEY = f"sunflower/nap-room/2026/11/21/20261121T120000.000000Z_{SEGMENT}.mp4"
DIGEST = "ab" * 32
TIMELINE = "fe" * 16

CSR = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"

SAMPLES: dict[str, msgspec.Struct] = {
    "segment-recorded": SegmentRecorded(
        **WHERE,
        camera_id="nap-room",
        segment_id=SEGMENT,
        run_id="aa" * 16,
        timeline_id=TIMELINE,
        chain_id="cc" * 16,
        sequence=1,
        previous="cd" * 32,
        start_us=AT_US,
        end_us=AT_US + 60_000_000,
        sha256=DIGEST,
        size_bytes=22_500_000,
        codec="h264",
        width=1920,
        height=1080,
        frames=1500,
    ),
    "segment-uploaded": SegmentUploaded(
        **WHERE, camera_id="nap-room", segment_id=SEGMENT, sha256=DIGEST, object_key=KEY, version_id="v-1"
    ),
    "segment-evicted": SegmentEvicted(
        **WHERE,
        camera_id="nap-room",
        segment_id=SEGMENT,
        timeline_id=TIMELINE,
        start_us=AT_US,
        end_us=AT_US + 60_000_000,
        sha256=DIGEST,
        size_bytes=22_500_000,
        evicted_us=AT_US + 86_400_000_000,
    ),
    "box-notice": BoxNotice(
        **WHERE,
        timeline_id=TIMELINE,
        at_us=AT_US,
        notice="spool_filling",
        raised=True,
        hours_left=5.5,
        detail="80 % of the room used",
    ),
    "camera-state": CameraState(
        **WHERE, camera_id="nap-room", timeline_id=TIMELINE, at_us=AT_US, condition="stalled", detail="no frame for 4 s"
    ),
    "alarm-event": AlarmEvent(
        **WHERE,
        timeline_id=TIMELINE,
        at_us=AT_US,
        source="dc09",
        panel_id="hall-panel",
        account="12345A",
        partition="1",
        point="129",
        code="FA",
        about="FA",
        kind="fire",
        state="raised",
        panel_at_us=AT_US - 400_000,
        encrypted=False,
        detail="smoke, kitchen",
        raw=b'\nCE110032"SIA-DCS"9876R579BDFL789ABC#12345A[#12345A|NFA129]\r',
    ),
    "heartbeat": Heartbeat(
        **WHERE,
        timeline_id=TIMELINE,
        timeline_started_us=AT_US - 3_600_000_000,
        sent_us=AT_US,
        software="nightlight-edge-agent/0.1.0",
        configuration_version=7,
        configuration_source="server",
        clock=ClockReading(observed_us=AT_US - 5_000_000, offset_us=-1_200, bound_us=900),
        system_clock_error_us=15,
        spool=SpoolHealth(
            waiting_segments=2,
            waiting_bytes=45_000_000,
            oldest_waiting_ms=120_000,
            outbox_messages=3,
            refused_messages=0,
            free_bytes=80_000_000_000,
            total_bytes=128_000_000_000,
            used_percent=1,
            hours_left=59.3,
        ),
        box=BoxHealth(
            boot_id="b0" * 16,
            uptime_s=86_400,
            cpu_percent=12,
            memory_used_percent=35,
            memory_total_bytes=8_000_000_000,
            agent_memory_bytes=210_000_000,
            temperature_c=51,
            certificate_left_s=2_500_000,
            system="Debian 12",
            python="3.11.2",
        ),
        panels=[PanelHealth(panel_id="office", condition="heard", heard_ms=12_000)],
        cameras=[
            CameraHealth(
                camera_id="nap-room",
                condition="recording",
                since_s=3_599,
                unsettled_us=60_000_000,
                packet_age_ms=40,
                frames_per_second=25.0,
                kilobits_per_second=3_000,
                keyframe_interval_ms=2_000,
                stream_format=0,
                rtp_lost=0,
                clock_offset_ms=-180,
                clock_bound_ms=12,
                recording_lag_ms=900,
                upload_lag_s=75,
            )
        ],
        formats=[StreamFormat(codec="h264", width=1920, height=1080)],
        findings={"too_dark": [0]},
    ),
    "configuration-report": ConfigurationReport(
        **WHERE,
        timeline_id=TIMELINE,
        at_us=AT_US,
        source="server",
        version=7,
        outcome="taken",
        cameras=[
            CameraOutcome(camera_id="nap-room", what="changed"),
            CameraOutcome(camera_id="garden", what="failed", why="its password was sealed to another key"),
        ],
    ),
    "desired-state": DesiredState(
        **WHERE,
        version=7,
        cameras=[
            DesiredCamera(
                camera_id="nap-room",
                url="rtsp://192.0.2.10/main",
                sub_url="rtsp://192.0.2.10/sub",
                username="viewer",
                password=SealedBox(
                    key_id="8b228cd75ab70badbec1beb5233f068a",
                    box="T5uE967iP7QP/ju2L7jeVuDTPOqKbHxczWBZg/JcogWm6K+fJxu3vSNmfrZ6vzaXqruXz/7yvyzpqVva9/rMKkgvdQiR",
                ),
                privacy_masks=[[(0.0, 0.0), (0.25, 0.0), (0.25, 0.5)]],
                onvif_url="http://192.0.2.10/onvif/device_service",
                replay=True,
            ),
            DesiredCamera(camera_id="garden", url="rtsp://192.0.2.11/main", transport="udp", allow_basic=True),
        ],
    ),
    "discovered-camera": DiscoveredCamera(
        **WHERE,
        discovery_id="d1" * 16,
        at_us=AT_US,
        onvif_url="http://192.0.2.10/onvif/device_service",
        name="nap room",
        maker="Maker",
        model="Model 1",
        firmware="1.2.3",
        serial_number="S-1",
        lens="lens-1",
        main=StreamOffer(
            url="rtsp://192.0.2.10/stream1",
            codec="hevc",
            width=2560,
            height=1440,
            frames_per_second=25,
            kilobits_per_second=4096,
            keyframe_every=50,
        ),
        clock_offset_us=181_000_000,
        clock_bound_us=130_000,
        problems=["clock_off", "no_sub"],
        configured_as="nap-room",
        picture_sha256="ef" * 32,
        picture=SealedBox(key_id="0a" * 16, box="AAECAwQF"),
    ),
    "replay-report": ReplayReport(
        **WHERE,
        camera_id="nap-room",
        timeline_id=TIMELINE,
        at_us=AT_US,
        start_us=AT_US - 3_600_000_000,
        end_us=AT_US - 3_000_000_000,
        outcome="fetched",
        had_none=[(AT_US - 3_600_000_000, AT_US - 3_540_000_000)],
    ),
    "picture-finding": PictureFinding(
        **WHERE,
        camera_id="nap-room",
        timeline_id=TIMELINE,
        finding_id="f1" * 16,
        finding="occluded",
        state="raised",
        at_us=AT_US,
        since_us=AT_US - 18_000_000,
        score=0.62,
        threshold=0.25,
        still_sha256="ef" * 32,
    ),
    "finding-still": FindingStill(
        **WHERE,
        camera_id="nap-room",
        finding_id="f1" * 16,
        taken_us=AT_US,
        sha256="ef" * 32,
        size_bytes=6_001,
        sealed=SealedBox(key_id="0a" * 16, box="AAECAwQF"),
    ),
    "presence": Presence(**WHERE, timeline_id=TIMELINE, state="offline"),
    "ledger-checkpoint": LedgerCheckpoint(
        **WHERE,
        note=(
            "nightlight.example/ledger/sunflower\n20852332\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
            "\u2014 nightlight.example Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        ),
        older_size=20_852_000,
        consistency=[DIGEST, "cd" * 32],
    ),
    "checkpoint-seen": CheckpointSeen(
        **WHERE,
        timeline_id=TIMELINE,
        at_us=AT_US,
        outcome="cosigned",
        size=20_852_332,
        kept_size=20_852_332,
        kept_root="0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62",
        cosignature="\u2014 sunflower-box W7NVhwAAAABqa1dYAA==\n",
    ),
    "acknowledgement": Acknowledgement(**WHERE, of_message_id="ee" * 16, outcome="quarantined", reason="chain_broken"),
    "receipt": Receipt(
        **WHERE,
        segment_id=SEGMENT,
        sha256=DIGEST,
        object_key=KEY,
        version_id="v-1",
        retain_until_us=AT_US + 91 * 86_400_000_000 + 60_000_000,
        verified_us=AT_US + 62_000_000,
    ),
    "upload-refused": UploadRefused(
        **WHERE, segment_id=SEGMENT, object_key=KEY, version_id="v-1", reason="object_corrupt", detail="size differs"
    ),
    "acceptance-request": AcceptanceRequest(**WHERE, sent_us=AT_US, since_us=AT_US - 60_000_000, canary=True),
    "enrolment-request": EnrolmentRequest(
        message_id=WHERE["message_id"],
        identity_key="11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        sealing_key="hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
        csr=CSR,
        code_key="PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=",
        code_proof="A" * 86 + "==",
    ),
    "certificate-request": CertificateRequest(**WHERE, csr=CSR, serial="5f3a0c"),
    "upload-ticket-request": UploadTicketRequest(
        **WHERE,
        camera_id="nap-room",
        segment_id=SEGMENT,
        start_us=AT_US,
        end_us=AT_US + 60_000_000,
        sha256=DIGEST,
        size_bytes=22_500_000,
    ),
    "cell-challenge": CellChallenge(
        **WHERE,
        challenge_id="c1" * 16,
        segment_id=SEGMENT,
        version_id="v-1",
        leaf=17,
        url=f"https://192.0.2.8:9000/cell/{KEY}",
    ),
    "cell-answer": CellAnswer(
        **WHERE,
        challenge_id="c1" * 16,
        outcome="read",
        seen=SeenInCell(
            version_id="v-1",
            size_bytes=22_500_000,
            sha256=DIGEST,
            lock_mode="COMPLIANCE",
            retain_until_us=AT_US + 91 * 86_400_000_000,
            read_us=AT_US + 120_000_000,
        ),
        leaf_sha256="ef" * 32,
        path=["01" * 32, "02" * 32],
    ),
    "cell-fetch": CellFetch(
        **WHERE,
        fetch_id="f1" * 16,
        segment_id=SEGMENT,
        version_id="v-1",
        size_bytes=22_500_000,
        url=f"https://192.0.2.8:9000/cell/{KEY}",
        put_url=f"https://store.example.org/evidence/.fetched/{SEGMENT}.mp4",
        put_headers={"x-amz-object-lock-mode": "COMPLIANCE"},
    ),
    "cell-fetched": CellFetched(**WHERE, fetch_id="f1" * 16, outcome="put", version_id="v-9"),
    "cell-order": CellOrder(
        **WHERE,
        order_id="d1" * 16,
        segment_id=SEGMENT,
        action="hold",
        object_key=KEY,
        version_id="v-1",
        requests=[
            SignedRequest(
                method="PUT",
                url=f"https://192.0.2.8:9000/cell/{KEY}?legal-hold=&versionId=v-1",
                headers={"X-Amz-Date": "20261122T060000Z"},
                body="<LegalHold><Status>ON</Status></LegalHold>",
            )
        ],
        look_url=f"https://192.0.2.8:9000/cell/{KEY}?versionId=v-1",
    ),
    "cell-ordered": CellOrdered(
        **WHERE,
        order_id="d1" * 16,
        outcome="read",
        seen=StandsInCell(
            version_id="v-1",
            lock_mode="COMPLIANCE",
            retain_until_us=AT_US + 91 * 86_400_000_000,
            held=True,
            read_us=AT_US + 120_000_000,
        ),
        detail="200",
    ),
    "live-wanted": LiveWanted(
        **WHERE,
        camera_id="nap-room",
        until_us=AT_US + 8_000_000,
        push_url="wss://watch.example.org/agent/v1/live",
        push_token="t" * 43,
    ),
    "live-push": LivePush(**WHERE, camera_id="nap-room", push_token="t" * 43),
}
