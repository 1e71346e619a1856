"""A site with real segments behind a real API that can sign: for tests of holds, deletions and exports.

def test_something(kept):
    kept.api.signed_in().get("/sites/sunflower/custody")
"""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.settings.server import load_server
from server.services.registers.register import Register
from storage.database.models import Account, AccountSite
from tests.integration.services.test_export_evidence import Exported
from tests.support.api import _password_hash, add_accounts, serving, settings_for
from tests.support.clock import SimulatedClock, present_us
from tests.support.databases import fresh_database
from tests.support.sites import seconds

SECOND = "wang"
ALL = "overseer"
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def settings_file(database, directory, store):
    """An API that reaches a real store and can sign."""
    pem = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "key.pem").write_bytes(pem)
    file = settings_for(database, directory)
    (directory / "access").write_text(store.server.access_key)
    (directory / "secret").write_text(store.server.secret_key)
    text = file.read_text().replace("[server]\n", f'[server]\nsigning_key_file = "{directory / "key.pem"}"\n')
    text = text.replace(
        "[store]\n", f'[store]\nendpoint = "{store.server.endpoint}"\nbucket = "{store.server.bucket}"\n'
    )
    file.write_text(text)
    return file


@pytest.fixture
def kept(request, any_object_store, tmp_path):
    """A site with five real segments, an operator, a second one, an auditor and somebody who reaches everything."""
    for database in fresh_database("sqlite", request, tmp_path):
        clock = SimulatedClock(present_us())
        made = Exported(database, any_object_store)
        made.clock = made.agent.clock = clock
        clock.advance(5)
        made.begun_us = made.end_us + seconds(60)
        made.add(5)
        register = Register(database, clock)
        register.add_site("other", "别处", "de/berlin", "Europe/Berlin")
        add_accounts(database, clock, "sunflower")
        with database.unit_of_work() as session:
            for name, role, region in ((SECOND, "facility_manager", ""), (ALL, "police_auditor", "*")):
                session.add(Account(name=name, role=role, region=region, password_hash=_password_hash(), created_us=1))
            session.flush()
            session.add(AccountSite(account_name=SECOND, site_id="sunflower"))
        with serving(load_server(settings_file(database, tmp_path, any_object_store)), clock) as api:
            made.api = api
            yield made
