"""The live process at the broker: it speaks downwards, and an older broker is told of it once."""

from server.domain.broker_rights import LIVE_ROLE, BrokerState, added_services, first_document


def test_it_may_speak_downwards_and_nothing_else():
    document = first_document(("service.ingest",), "service.broker-access", live="service.live")
    (role,) = [role for role in document["roles"] if role["rolename"] == LIVE_ROLE]
    assert [(acl["acltype"], acl["topic"]) for acl in role["acls"]] == [("publishClientSend", "nightlight/v1/down/#")]
    assert "service.live" in {client["username"] for client in document["clients"]}


def test_a_broker_from_before_is_told_of_it_once():
    before = BrokerState({"service.ingest": ""}, frozenset())
    assert [one["command"] for one in added_services("service.live", before)] == ["createRole", "createClient"]
    after = BrokerState({"service.live": ""}, frozenset({LIVE_ROLE}))
    assert added_services("service.live", after) == []
