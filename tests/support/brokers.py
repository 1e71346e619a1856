"""Real Mosquitto brokers for tests, with the certificates and rights of production.

def test_something(start_broker):
    broker = start_broker(AgentIdentity("site-1", "agent-1"))
    broker.port, tls_of(broker, "agent-1")
"""

import itertools
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from deploy.local.broker import AgentIdentity, Broker, version
from tests.support.matrix import ran_on

StartBroker = Callable[..., Broker]


def tls_of(broker: Broker, user: str) -> ssl.SSLContext:
    """What ``ingest``, ``broker-access`` or an agent of this broker shows to come in."""
    context = ssl.create_default_context(cafile=str(broker.authority_file))
    context.load_cert_chain(broker.certificate_file(user))
    return context


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def start_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartBroker]:
    """Starts a broker that knows ``ingest`` and the agents given; all stop at the end of the test."""
    root = tmp_path_factory.mktemp("broker")
    numbers = itertools.count()
    with ExitStack() as started:

        def start(*agents: AgentIdentity) -> Broker:
            broker = Broker(root / str(next(numbers)), free_port(), agents)
            started.callback(broker.stop)
            broker.start()
            ran_on("broker", version())
            return broker

        yield start
