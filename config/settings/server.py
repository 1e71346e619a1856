"""Settings of the server's processes; server.toml beside this file is their annotated default."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from config.base.roles import Role
from config.settings.loader import Strict, load
from config.wire.findings import FindingName


class ServerIdentitySettings(Strict, frozen=True, kw_only=True):
    state_dir: str
    signing_key_file: str
    sealing_key_file: str
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class DatabaseSettings(Strict, frozen=True, kw_only=True):
    url: Annotated[str, msgspec.Meta(pattern=r"^(sqlite|postgresql\+psycopg)://")]
    password_file: str


class StoreSettings(Strict, frozen=True, kw_only=True):
    endpoint: Annotated[str, msgspec.Meta(pattern=r"^[^/\s]+$(?!\n)")]
    public_url: str
    tls: bool
    region: str
    bucket: str
    access_key_file: str
    secret_key_file: str
    timeout_s: Annotated[int, msgspec.Meta(ge=1, le=60)]
    capacity_gb: Annotated[float, msgspec.Meta(ge=0)]


class IngestMqttSettings(Strict, frozen=True, kw_only=True):
    host: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    certificate_file: str
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=60)]
    receive_maximum: Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class EnrolmentSettings(Strict, frozen=True, kw_only=True):
    authority_file: str
    authority_key_file: str
    server_url: Annotated[str, msgspec.Meta(pattern=r"^(https?://.+)?$(?!\n)")]
    broker_host: str
    broker_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)]
    code_minutes: Annotated[int, msgspec.Meta(ge=1, le=1_440)]
    agent_days: Annotated[int, msgspec.Meta(ge=1, le=90)]
    return_days: Annotated[int, msgspec.Meta(ge=0, le=365)]
    service_days: Annotated[int, msgspec.Meta(ge=1, le=365)]


class BrokerSettings(Strict, frozen=True, kw_only=True):
    files_dir: str
    pid_file: str
    check_s: Annotated[float, msgspec.Meta(gt=0, le=60)]


class ApiSettings(Strict, frozen=True, kw_only=True):
    host: str
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)]
    public_origin: str
    certificate_file: str
    session_hours: Annotated[int, msgspec.Meta(ge=1, le=168)]
    second_step_roles: Annotated[list[Role], msgspec.Meta(max_length=16)]


class OidcSettings(Strict, frozen=True, kw_only=True):
    issuer: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^@\s]+)?$(?!\n)", max_length=255)]
    client_id: Annotated[str, msgspec.Meta(max_length=255)]
    client_secret_file: str
    label_zh: Annotated[str, msgspec.Meta(max_length=40)]
    label_en: Annotated[str, msgspec.Meta(max_length=60)]
    second_step_acr: Annotated[list[str], msgspec.Meta(max_length=16)]
    second_step_amr: Annotated[list[str], msgspec.Meta(max_length=16)]


class LiveSettings(Strict, frozen=True, kw_only=True):
    host: str
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)]
    certificate_file: str
    public_url: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^@\s]+)?$(?!\n)", max_length=300)]
    push_url: Annotated[str, msgspec.Meta(pattern=r"^(wss?://[^@\s]+)?$(?!\n)", max_length=300)]
    marking_key_file: str
    mediamtx_api: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^@\s]+)?$(?!\n)", max_length=300)]


class IngestSettings(Strict, frozen=True, kw_only=True):
    workers: Annotated[int, msgspec.Meta(ge=1, le=32)]
    metrics_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class PolicySettings(Strict, frozen=True, kw_only=True):
    retain_days: Annotated[int, msgspec.Meta(ge=1, le=3_650)]
    clock_tolerance_us: Annotated[int, msgspec.Meta(ge=100_000, le=60_000_000)]
    clock_drift_ppm: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    backfill_hours: Annotated[int, msgspec.Meta(ge=1, le=2_160)]
    agent_silent_s: Annotated[int, msgspec.Meta(ge=10, le=300)]
    in_flight_s: Annotated[int, msgspec.Meta(ge=30, le=900)]
    unsound_findings: list[FindingName]
    """Time with one of these open is not covered."""
    backfilled_after_s: Annotated[int, msgspec.Meta(ge=60, le=86_400)]


class JobsSettings(Strict, frozen=True, kw_only=True):
    assess_s: Annotated[int, msgspec.Meta(ge=1, le=300)]


class AuditSettings(Strict, frozen=True, kw_only=True):
    deep_samples: Annotated[int, msgspec.Meta(ge=0, le=2_000)]
    frozen_share: Annotated[float, msgspec.Meta(gt=0, le=1)]
    dark_share: Annotated[float, msgspec.Meta(gt=0, le=1)]


class MaintenanceSettings(Strict, frozen=True, kw_only=True):
    notice_hours: Annotated[float, msgspec.Meta(ge=0, le=720)]
    hours_a_month: Annotated[float, msgspec.Meta(ge=0, le=200)]


class DocketSettings(Strict, frozen=True, kw_only=True):
    due_days: Annotated[float, msgspec.Meta(gt=0, le=90)]
    store_due_days: Annotated[float, msgspec.Meta(gt=0, le=90)]


class ComplaintSettings(Strict, frozen=True, kw_only=True):
    answer_days: Annotated[float, msgspec.Meta(gt=0, le=365)]


class NoticeSettings(Strict, frozen=True, kw_only=True):
    smtp_host: str
    smtp_port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    smtp_security: Literal["starttls", "tls", "none"]
    smtp_user: str
    smtp_password_file: str
    sender: Annotated[str, msgspec.Meta(max_length=200)]
    vapid_key_file: str
    vapid_contact: Annotated[str, msgspec.Meta(pattern=r"^((mailto:|https://).+)?$(?!\n)", max_length=200)]
    chat_services: Annotated[list[Annotated[str, msgspec.Meta(pattern=r"^[a-z]+$(?!\n)")]], msgspec.Meta(max_length=16)]
    allow_private: bool
    coalesce_s: Annotated[int, msgspec.Meta(ge=0, le=900)]
    digest_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)]
    timeout_s: Annotated[int, msgspec.Meta(ge=1, le=60)]
    claim_s: Annotated[int, msgspec.Meta(ge=10, le=3_600)]


class LedgerSettings(Strict, frozen=True, kw_only=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=r"^[!-*,-~]+$(?!\n)")]
    tsa_url: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^@\s]+)?$(?!\n)", max_length=500)]
    tsa_ca_file: str
    witnesses: Annotated[list[str], msgspec.Meta(max_length=8)]


class ReportSettings(Strict, frozen=True, kw_only=True):
    certificate_file: str
    fonts_dir: str


class ServerSettings(Strict, frozen=True, kw_only=True):
    server: ServerIdentitySettings
    database: DatabaseSettings
    store: StoreSettings
    mqtt: IngestMqttSettings
    enrolment: EnrolmentSettings
    broker: BrokerSettings
    api: ApiSettings
    oidc: OidcSettings
    live: LiveSettings
    ingest: IngestSettings
    policy: PolicySettings
    jobs: JobsSettings
    audit: AuditSettings
    ledger: LedgerSettings
    maintenance: MaintenanceSettings
    docket: DocketSettings
    complaints: ComplaintSettings
    notices: NoticeSettings
    reports: ReportSettings


def load_server(file: Path | None = None) -> ServerSettings:
    """The server's settings. Raises ConfigurationError."""
    return load(ServerSettings, Path(__file__).with_name("server.toml"), "NIGHTLIGHT_SERVER", file)
