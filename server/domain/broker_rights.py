"""What each identity may do at the broker, as Mosquitto's dynamic-security plugin is told.

Invariant: an agent writes its own upward topics and reads its own downward topic; nobody has a right that is not here.

The plugin fills no name into a pattern, hence a role an agent. A role's name carries site and version, so that a role of
another site or an older version is another role. A client's description is the id of the agent's key: where that changes,
the client is made anew, which ends its connections.
Source: mosquitto 2.0, plugins/dynamic-security (README-dynsec, roles and ACL types).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from config.wire import topics

CONTROL = "$CONTROL/dynamic-security/v1"
CONTROL_ANSWERS = f"{CONTROL}/response"
SERVICE_PREFIX = "service."
AGENT_ROLE_PREFIX = "agent.v1."
INGEST_ROLE, ACCESS_ROLE = "service.ingest.v1", "service.broker-access.v1"
LIVE_ROLE = "service.live.v1"

_LIVE_RIGHTS = (("publishClientSend", f"{topics.PREFIX}/down/#"),)
_LIVE_TEXT = "the server's live view"

Command = dict[str, Any]


@dataclass(frozen=True)
class AgentRight:
    """One agent that may come in; ``key_id`` names the key that its messages are believed by."""

    site_id: str
    agent_id: str
    key_id: str

    @property
    def role(self) -> str:
        return f"{AGENT_ROLE_PREFIX}{self.site_id}.{self.agent_id}"

    @property
    def role_command(self) -> Command:
        up, down = topics.up(self.site_id, self.agent_id, "#"), topics.down(self.site_id, self.agent_id)
        allowed = (("publishClientSend", up), ("publishClientReceive", down), ("subscribeLiteral", down))
        return {"command": "createRole", **_role(self.role, allowed)}

    @property
    def client_command(self) -> Command:
        return {"command": "createClient", **_client(self.agent_id, self.role, self.key_id)}


@dataclass(frozen=True)
class BrokerState:
    """What the broker holds: clients with their descriptions, and the names of roles."""

    clients: dict[str, str]
    roles: frozenset[str]


def changes(wanted: dict[str, AgentRight], found: BrokerState) -> list[Command]:
    """What to tell the broker; who is to go, first. The server's own identities are left alone."""
    gone = [name for name in found.clients if not name.startswith(SERVICE_PREFIX) and name not in wanted]
    renewed = [name for name, right in wanted.items() if found.clients.get(name, right.key_id) != right.key_id]
    roles = {right.role for right in wanted.values()}
    over = [role for role in sorted(found.roles) if role.startswith(AGENT_ROLE_PREFIX) and role not in roles]
    commands: list[Command] = [{"command": "deleteClient", "username": name} for name in [*gone, *renewed]]
    commands += [{"command": "deleteRole", "rolename": role} for role in over]
    for name, right in wanted.items():
        if right.role not in found.roles:
            commands.append(right.role_command)
        if name not in found.clients or name in renewed:
            commands.append(right.client_command)
    return commands


def added_services(live: str, found: BrokerState) -> list[Command]:
    """What to tell a broker that was set up before there was a live view: who else of the server may come in."""
    commands: list[Command] = []
    if LIVE_ROLE not in found.roles:
        commands.append({"command": "createRole", **_role(LIVE_ROLE, _LIVE_RIGHTS)})
    if live not in found.clients:
        commands.append({"command": "createClient", **_client(live, LIVE_ROLE, _LIVE_TEXT)})
    return commands


def first_document(
    ingest: Iterable[str], broker_access: str, agents: Iterable[AgentRight] = (), *, live: str = ""
) -> dict[str, Any]:
    """The plugin's file for a broker that knows nobody yet: deny everything, and let the server's own identities in.

    No client has a password: the certificate has said who it is before the plugin is asked.
    """
    known = list(agents)
    up = f"{topics.PREFIX}/up/#"
    ingest_rights = (
        ("subscribePattern", up),
        ("subscribePattern", f"$share/+/{up}"),
        ("publishClientReceive", up),
        ("publishClientSend", f"{topics.PREFIX}/down/#"),
    )
    access_rights = (
        ("publishClientSend", CONTROL),
        ("publishClientReceive", CONTROL_ANSWERS),
        ("subscribePattern", CONTROL_ANSWERS),
    )
    return {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": False,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": [
            *(_client(name, INGEST_ROLE, "the server's ingest") for name in ingest),
            _client(broker_access, ACCESS_ROLE, "the server's jobs"),
            *([_client(live, LIVE_ROLE, _LIVE_TEXT)] if live else []),
            *({k: v for k, v in right.client_command.items() if k != "command"} for right in known),
        ],
        "groups": [],
        "roles": [
            _role(INGEST_ROLE, ingest_rights),
            _role(ACCESS_ROLE, access_rights),
            *([_role(LIVE_ROLE, _LIVE_RIGHTS)] if live else []),
            *({k: v for k, v in right.role_command.items() if k != "command"} for right in known),
        ],
    }


def _client(name: str, role: str, description: str) -> dict[str, Any]:
    return {"username": name, "textdescription": description, "roles": [{"rolename": role}]}


def _role(name: str, allowed: Iterable[tuple[str, str]]) -> dict[str, Any]:
    acls = [{"acltype": kind, "topic": topic, "priority": 0, "allow": True} for kind, topic in allowed]
    return {"rolename": name, "acls": acls}
