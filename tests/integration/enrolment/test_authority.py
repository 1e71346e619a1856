"""The authority and its files: made once, read back, kept fresh, readable by their owner."""

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from config.base.clock import US_PER_DAY
from config.base.errors import ConfigurationError
from server.broker_tls import ServiceTls
from server.services.agents.authority import AUTHORITY_US, CertificateAuthority, hosts_of, read_csr, renewal_due
from server.services.agents.broker_files import CertificateFiles, Keeper
from tests.support.clock import SimulatedClock
from tests.support.enrolment import Box

SERVICE_DAYS = 90


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def keeper(tmp_path: Path, clock: SimulatedClock) -> Keeper:
    files = CertificateFiles(
        tmp_path / "authority.pem",
        tmp_path / "authority-key.pem",
        tmp_path / "ingest.pem",
        tmp_path / "broker-access.pem",
        tmp_path / "broker",
        tmp_path / "reports.pem",
    )
    return Keeper(files, clock, SERVICE_DAYS, ("broker.example.org",))


def test_the_authority_is_made_once_and_its_key_is_its_owners(keeper: Keeper) -> None:
    made = keeper.files.make_authority(keeper.clock.utc_us())
    assert keeper.files.make_authority(keeper.clock.utc_us()).pem == made.pem
    assert stat.S_IMODE(keeper.files.authority_key.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        made.write(keeper.files.authority, keeper.files.authority_key)
    certificate = x509.load_pem_x509_certificate(made.pem.encode())
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_an_authority_that_cannot_be_read_says_what_to_do(keeper: Keeper) -> None:
    with pytest.raises(ConfigurationError, match=r"server\.admin init"):
        keeper.files.load_authority()
    keeper.files.make_authority(keeper.clock.utc_us())
    keeper.files.authority.write_text(CertificateAuthority.create(keeper.clock.utc_us()).pem)
    with pytest.raises(ConfigurationError, match="is not the key"):
        keeper.files.load_authority()
    keeper.files.authority_key.write_text("nonsense")
    with pytest.raises(ConfigurationError, match="PEM"):
        keeper.files.load_authority()
    keeper.files.authority_key.unlink()
    with pytest.raises(ConfigurationError, match="authority-key"):
        keeper.files.make_authority(keeper.clock.utc_us())


def test_files_are_kept_until_a_third_of_their_life_is_left(keeper: Keeper, clock: SimulatedClock) -> None:
    authority = keeper.files.make_authority(clock.utc_us())
    assert keeper.keep(authority)
    first = {file: file.read_text() for file in (keeper.files.ingest, keeper.files.broker, keeper.files.rights)}
    clock.advance(SERVICE_DAYS * 86_400 * 0.6)
    assert not keeper.keep(authority)
    assert all(file.read_text() == text for file, text in first.items())
    clock.advance(SERVICE_DAYS * 86_400 * 0.1)
    assert keeper.keep(authority)
    assert keeper.files.ingest.read_text() != first[keeper.files.ingest]
    assert keeper.files.broker.read_text() != first[keeper.files.broker]
    assert keeper.files.rights.read_text() == first[keeper.files.rights], "that one is the broker's own"
    for file, mode in ((keeper.files.ingest, 0o600), (keeper.files.broker, 0o640), (keeper.files.rights, 0o660)):
        assert stat.S_IMODE(file.stat().st_mode) == mode


def test_the_brokers_certificate_follows_its_names(keeper: Keeper, clock: SimulatedClock) -> None:
    authority = keeper.files.make_authority(clock.utc_us())
    keeper.keep(authority)
    assert {"broker.example.org", "127.0.0.1", "::1", "localhost"} <= hosts_of(keeper.files.broker.read_text())
    moved = Keeper(keeper.files, clock, SERVICE_DAYS, ("mqtt.example.org", ""))
    assert moved.keep(authority)
    assert "mqtt.example.org" in hosts_of(keeper.files.broker.read_text())


def test_the_list_of_the_revoked_says_each_thing_once_and_is_always_newer(
    keeper: Keeper, clock: SimulatedClock
) -> None:
    authority = keeper.files.make_authority(clock.utc_us())
    now_us = clock.utc_us()
    assert keeper.list_revoked(authority, {})
    assert not keeper.list_revoked(authority, {})
    made = []
    for serials in ({"ab12": now_us}, {"ab12": now_us, "c0ffee": now_us}, {"c0ffee": now_us}):
        assert keeper.list_revoked(authority, serials), "within the same second"
        listed = x509.load_pem_x509_crl(keeper.files.revocations.read_bytes())
        assert {f"{entry.serial_number:x}" for entry in listed} == set(serials)
        assert listed.is_signature_valid(x509.load_pem_x509_certificate(authority.pem.encode()).public_key())
        made.append(listed.last_update_utc)
    assert made == sorted(set(made))
    keeper.files.revocations.write_text("torn")
    assert keeper.list_revoked(authority, {})


def test_no_certificate_outlives_the_authority(clock: SimulatedClock) -> None:
    authority = CertificateAuthority.create(clock.utc_us())
    clock.advance(AUTHORITY_US / 1e6 - 5 * 86_400)
    issued = authority.issue_agent(read_csr(Box().csr), "s", "a", clock.utc_us(), clock.utc_us() + 14 * US_PER_DAY)
    assert issued.ends_us == authority.ends_us
    assert renewal_due("nonsense", clock.utc_us())
    assert hosts_of("nonsense") == set()


def test_a_process_without_its_certificate_says_which_file(keeper: Keeper, clock: SimulatedClock) -> None:
    with pytest.raises(ConfigurationError, match=r"authority\.pem"):
        ServiceTls(keeper.files.authority, keeper.files.ingest)
    keeper.files.make_authority(clock.utc_us())
    with pytest.raises(ConfigurationError, match=r"ingest\.pem"):
        ServiceTls(keeper.files.authority, keeper.files.ingest)
    keeper.keep(keeper.files.load_authority())
    assert ServiceTls(keeper.files.authority, keeper.files.ingest).context.verify_mode is ssl.CERT_REQUIRED
