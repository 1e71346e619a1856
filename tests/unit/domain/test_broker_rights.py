"""What the broker is told: who is to go goes first, nothing is said twice, and nobody of the server's own is touched."""

from server.domain.broker_rights import AgentRight, BrokerState, changes, first_document

SUN = AgentRight("sunflower", "sun-box", "k1")
BOAT = AgentRight("little-boat", "boat-box", "k2")
SERVICES = {"service.ingest": "x", "service.broker-access": "x"}
SERVICE_ROLES = frozenset({"service.ingest.v1", "service.broker-access.v1"})


def found(*rights: AgentRight) -> BrokerState:
    clients = SERVICES | {right.agent_id: right.key_id for right in rights}
    return BrokerState(clients, SERVICE_ROLES | {right.role for right in rights})


def wanted(*rights: AgentRight) -> dict[str, AgentRight]:
    return {right.agent_id: right for right in rights}


def said(commands: list[dict]) -> list[tuple[str, str]]:
    return [(command["command"], command.get("username") or command["rolename"]) for command in commands]


def test_what_is_right_is_left_alone() -> None:
    assert changes(wanted(SUN, BOAT), found(SUN, BOAT)) == []
    assert changes({}, found()) == []


def test_a_broker_that_lost_everything_is_told_everything() -> None:
    assert said(changes(wanted(SUN), found())) == [("createRole", SUN.role), ("createClient", "sun-box")]


def test_who_is_to_go_goes_before_anybody_comes() -> None:
    assert said(changes(wanted(BOAT), found(SUN))) == [
        ("deleteClient", "sun-box"),
        ("deleteRole", SUN.role),
        ("createRole", BOAT.role),
        ("createClient", "boat-box"),
    ]


def test_an_agent_with_another_key_is_cut_off_and_let_in_anew() -> None:
    anew = AgentRight(SUN.site_id, SUN.agent_id, "k9")
    assert said(changes(wanted(anew), found(SUN))) == [("deleteClient", "sun-box"), ("createClient", "sun-box")]


def test_a_client_that_half_a_command_left_behind_is_completed() -> None:
    half = BrokerState(SERVICES | {"sun-box": "k1"}, SERVICE_ROLES)
    assert said(changes(wanted(SUN), half)) == [("createRole", SUN.role)]


def test_strangers_are_deleted() -> None:
    assert said(changes({}, BrokerState({"admin": "", **SERVICES}, SERVICE_ROLES))) == [("deleteClient", "admin")]


def test_an_agent_has_three_rights() -> None:
    document = first_document(["service.ingest"], "service.broker-access", [SUN])
    (role,) = [role for role in document["roles"] if role["rolename"] == SUN.role]
    assert {(acl["acltype"], acl["topic"]) for acl in role["acls"]} == {
        ("publishClientSend", "nightlight/v1/up/sunflower/sun-box/#"),
        ("publishClientReceive", "nightlight/v1/down/sunflower/sun-box"),
        ("subscribeLiteral", "nightlight/v1/down/sunflower/sun-box"),
    }
    assert not any(document["defaultACLAccess"][kind] for kind in document["defaultACLAccess"] if kind != "unsubscribe")
    assert not any("password" in client for client in document["clients"])
