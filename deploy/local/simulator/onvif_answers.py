"""What a simulated camera answers over ONVIF, as XML; the values are filled in by ``onvif``.

Source: ONVIF WSDL and schema files, versions 10 and 20.
"""

from datetime import datetime
from xml.sax.saxutils import escape

from config.base.clock import to_datetime

SPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "tt": "http://www.onvif.org/ver10/schema",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tse": "http://www.onvif.org/ver10/search/wsdl",
    "trp": "http://www.onvif.org/ver10/replay/wsdl",
    "ter": "http://www.onvif.org/ver10/error",
    "tns1": "http://www.onvif.org/ver10/topics",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "a": "http://www.w3.org/2005/08/addressing",
    "sim": "urn:nightlight:simulator",
}
SERVICES = ("tds", "trt", "tr2", "tev", "tse", "trp")
TOPIC = "tns1:Device/Trigger/DigitalInput"
RECORDING, TRACK, SOURCE, INPUT = "recording-1", "video-1", "lens-1", "input-1"
_SPACES_TEXT = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())


def answered(body: str) -> bytes:
    """A whole envelope."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {_SPACES_TEXT}><s:Body>{body}</s:Body></s:Envelope>'
    ).encode()


def fault(sort: str, code: str, reason: str) -> bytes:
    """A SOAP fault; ``sort`` is Sender or Receiver, ``code`` ONVIF's own."""
    return answered(
        f"<s:Fault><s:Code><s:Value>s:{sort}</s:Value><s:Subcode><s:Value>ter:{code}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{escape(reason)}</s:Text></s:Reason></s:Fault>'
    )


def date_and_time(utc: datetime | None, local: datetime, zone: str) -> str:
    """GetSystemDateAndTime; a camera that says no UTC gives None."""
    said = "" if utc is None else f"<tt:UTCDateTime>{_moment(utc)}</tt:UTCDateTime>"
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType>"
        f"<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>{escape(zone)}</tt:TZ></tt:TimeZone>{said}"
        f"<tt:LocalDateTime>{_moment(local)}</tt:LocalDateTime>"
        "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def device_information(name: str) -> str:
    """GetDeviceInformation."""
    return (
        "<tds:GetDeviceInformationResponse><tds:Manufacturer>Nightlight</tds:Manufacturer>"
        f"<tds:Model>Simulator</tds:Model><tds:FirmwareVersion>1.0</tds:FirmwareVersion>"
        f"<tds:SerialNumber>{escape(name)}</tds:SerialNumber><tds:HardwareId>simulated</tds:HardwareId>"
        "</tds:GetDeviceInformationResponse>"
    )


def services(base: str, *, with_media_2: bool) -> str:
    """GetServices."""
    listed = "".join(
        f"<tds:Service><tds:Namespace>{SPACES[prefix]}</tds:Namespace><tds:XAddr>{base}/onvif/{prefix}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for prefix in SERVICES
        if with_media_2 or prefix != "tr2"
    )
    return f"<tds:GetServicesResponse>{listed}</tds:GetServicesResponse>"


def capabilities(base: str) -> str:
    """GetCapabilities, as devices answer that know nothing of GetServices."""
    return (
        "<tds:GetCapabilitiesResponse><tds:Capabilities>"
        f"<tt:Device><tt:XAddr>{base}/onvif/device_service</tt:XAddr></tt:Device>"
        f"<tt:Events><tt:XAddr>{base}/onvif/tev</tt:XAddr><tt:WSSubscriptionPolicySupport>false"
        "</tt:WSSubscriptionPolicySupport><tt:WSPullPointSupport>true</tt:WSPullPointSupport>"
        "<tt:WSPausableSubscriptionManagerInterfaceSupport>false</tt:WSPausableSubscriptionManagerInterfaceSupport>"
        "</tt:Events>"
        f"<tt:Media><tt:XAddr>{base}/onvif/trt</tt:XAddr><tt:StreamingCapabilities/></tt:Media>"
        f"<tt:Extension><tt:Search><tt:XAddr>{base}/onvif/tse</tt:XAddr><tt:MetadataSearch>false</tt:MetadataSearch>"
        f"</tt:Search><tt:Replay><tt:XAddr>{base}/onvif/trp</tt:XAddr></tt:Replay></tt:Extension>"
        "</tds:Capabilities></tds:GetCapabilitiesResponse>"
    )


def profiles_1(streams: list[tuple[str, str, int, int]]) -> str:
    """Media 1's GetProfiles; streams as (token, encoding, width, height). It has no word for H.265."""
    listed = "".join(
        f'<trt:Profiles token="{token}" fixed="true"><tt:Name>{token}</tt:Name>{_lens("tt:VideoSourceConfiguration")}'
        f'<tt:VideoEncoderConfiguration token="{token}-encoder"><tt:Name>{token}</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>{encoding}</tt:Encoding>{_resolution(width, height)}<tt:Quality>5</tt:Quality>"
        "<tt:RateControl><tt:FrameRateLimit>10</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval>"
        "<tt:BitrateLimit>512</tt:BitrateLimit></tt:RateControl>"
        "<tt:H264><tt:GovLength>10</tt:GovLength><tt:H264Profile>Main</tt:H264Profile></tt:H264>"
        "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
        "<tt:Port>0</tt:Port><tt:TTL>0</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
        "<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration></trt:Profiles>"
        for token, encoding, width, height in streams
        if encoding == "H264"
    )
    return f"<trt:GetProfilesResponse>{listed}</trt:GetProfilesResponse>"


def profiles_2(streams: list[tuple[str, str, int, int]]) -> str:
    """Media 2's GetProfiles."""
    listed = "".join(
        f'<tr2:Profiles token="{token}" fixed="true"><tr2:Name>{token}</tr2:Name><tr2:Configurations>'
        f'{_lens("tr2:VideoSource")}<tr2:VideoEncoder token="{token}-encoder" GovLength="10" Profile="Main">'
        f"<tt:Name>{token}</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>{encoding}</tt:Encoding>"
        f"{_resolution(width, height)}"
        '<tt:RateControl ConstantBitRate="false"><tt:FrameRateLimit>10</tt:FrameRateLimit>'
        "<tt:BitrateLimit>512</tt:BitrateLimit></tt:RateControl><tt:Quality>5</tt:Quality>"
        "</tr2:VideoEncoder></tr2:Configurations></tr2:Profiles>"
        for token, encoding, width, height in streams
    )
    return f"<tr2:GetProfilesResponse>{listed}</tr2:GetProfilesResponse>"


def uri(prefix: str, operation: str, address: str) -> str:
    """GetStreamUri, GetSnapshotUri (both media services) and GetReplayUri."""
    said = f"<{prefix}:Uri>{escape(address)}</{prefix}:Uri>"
    if prefix == "trt":
        said = (
            f"<trt:MediaUri><tt:Uri>{escape(address)}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
            "<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>"
        )
    return f"<{prefix}:{operation}Response>{said}</{prefix}:{operation}Response>"


def pull_point(base: str, number: int, now: str, until: str) -> str:
    """CreatePullPointSubscription; which subscription it is stands in the reference parameters alone."""
    return (
        "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference>"
        f"<a:Address>{base}/onvif/tev</a:Address><a:ReferenceParameters><sim:Subscription>{number}</sim:Subscription>"
        f"</a:ReferenceParameters></tev:SubscriptionReference><wsnt:CurrentTime>{now}</wsnt:CurrentTime>"
        f"<wsnt:TerminationTime>{until}</wsnt:TerminationTime></tev:CreatePullPointSubscriptionResponse>"
    )


def pulled(now: str, until: str, changes: list[tuple[bool, bool, str]]) -> str:
    """PullMessages; changes as (active, initial, instant)."""
    listed = "".join(
        '<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
        f'{TOPIC}</wsnt:Topic><wsnt:Message><tt:Message UtcTime="{at}" PropertyOperation="'
        f'{"Initialized" if initial else "Changed"}"><tt:Source><tt:SimpleItem Name="InputToken" Value="{INPUT}"/>'
        f'</tt:Source><tt:Data><tt:SimpleItem Name="LogicalState" Value="{str(active).lower()}"/></tt:Data>'
        "</tt:Message></wsnt:Message></wsnt:NotificationMessage>"
        for active, initial, at in changes
    )
    return (
        f"<tev:PullMessagesResponse><tev:CurrentTime>{now}</tev:CurrentTime>"
        f"<tev:TerminationTime>{until}</tev:TerminationTime>{listed}</tev:PullMessagesResponse>"
    )


def search_results(held: tuple[int, int] | None, *, recording: bool) -> str:
    """GetRecordingSearchResults; ``held`` by the camera's clock."""
    listed = ""
    if held is not None:
        start, end = (f"{to_datetime(at):%Y-%m-%dT%H:%M:%S.%fZ}" for at in held)
        listed = (
            f"<tt:RecordingInformation><tt:RecordingToken>{RECORDING}</tt:RecordingToken><tt:Source>"
            "<tt:SourceId>urn:simulator</tt:SourceId><tt:Name>card</tt:Name><tt:Location>here</tt:Location>"
            "<tt:Description>the room</tt:Description><tt:Address>urn:simulator</tt:Address></tt:Source>"
            f"<tt:EarliestRecording>{start}</tt:EarliestRecording><tt:LatestRecording>{end}</tt:LatestRecording>"
            f"<tt:Content>all day</tt:Content><tt:Track><tt:TrackToken>{TRACK}</tt:TrackToken>"
            "<tt:TrackType>Video</tt:TrackType><tt:Description>the picture</tt:Description>"
            f"<tt:DataFrom>{start}</tt:DataFrom><tt:DataTo>{end}</tt:DataTo></tt:Track>"
            f"<tt:RecordingStatus>{'Recording' if recording else 'Stopped'}</tt:RecordingStatus></tt:RecordingInformation>"
        )
    return (
        "<tse:GetRecordingSearchResultsResponse><tse:ResultList><tt:SearchState>Completed</tt:SearchState>"
        f"{listed}</tse:ResultList></tse:GetRecordingSearchResultsResponse>"
    )


def _moment(at: datetime) -> str:
    return (
        f"<tt:Time><tt:Hour>{at.hour}</tt:Hour><tt:Minute>{at.minute}</tt:Minute><tt:Second>{at.second}</tt:Second>"
        f"</tt:Time><tt:Date><tt:Year>{at.year}</tt:Year><tt:Month>{at.month}</tt:Month><tt:Day>{at.day}</tt:Day></tt:Date>"
    )


def _resolution(width: int, height: int) -> str:
    return f"<tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution>"


def _lens(element: str) -> str:
    return (
        f'<{element} token="{SOURCE}-configuration"><tt:Name>lens</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:SourceToken>{SOURCE}</tt:SourceToken>"
        f'<tt:Bounds x="0" y="0" width="640" height="360"/></{element}>'
    )
