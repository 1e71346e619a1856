"""What the set-up pages call things, and what they say where something is refused: what is wrong, and what to do."""

from server.web.wording import mark

FORBIDDEN_ZONE = {
    "toilet": mark("toilet"),
    "bath": mark("bathroom"),
    "changing": mark("changing room"),
    "nursing": mark("nursing room"),
    "staff_rest": mark("staff rest room"),
}

_NO_PICTURE = mark(
    "That is no picture that can be shown here. Take a PNG, JPEG or WebP of at most 8 MB; of a PDF or a drawing, a"
    " screenshot or a photograph."
)
REFUSAL = {
    "forbidden_zone": mark(
        "No camera may look into this place: toilets, bathrooms, changing rooms, nursing rooms and staff rest rooms are"
        " private by law (State Council Order 799, article 8), and nobody's consent changes that. Choose the place that"
        " the camera really looks into, or take the camera down."
    ),
    "bad_name": mark("Give it a name of 1 to 120 characters."),
    "bad_camera_id": mark("The camera's id may have a–z, 0–9 and hyphens within, at most 64 characters. Change it."),
    "bad_agent_id": mark("The site agent's id may have a–z, 0–9 and hyphens within, at most 64 characters. Change it."),
    "no_box": mark("Choose the site agent that is to record the camera."),
    "no_zone": mark("Choose the place that the camera looks into."),
    "camera_taken": mark("Another camera has this id already, here or at another site. Take another id."),
    "found_taken": mark(
        "This device was set up already, perhaps by a colleague just now. Look for it among the site's cameras."
    ),
    "camera_retired": mark("The camera of this id was taken out of service. Take another id."),
    "bad_url": mark(
        "A stream's address begins with rtsp:// and holds neither user nor password: those have fields of their own."
        " Correct the address."
    ),
    "bad_onvif_url": mark(
        "The ONVIF address begins with http:// or https:// and holds neither user nor password. Correct it, or leave it"
        " empty."
    ),
    "bad_address": mark("All addresses of a camera must be on the same host, for its password is for that host alone."),
    "bad_username": mark("The user's name has at most 64 characters. Correct it."),
    "no_sub_stream": mark("The second stream is to be used and has no address: give its address, or choose the first."),
    "no_username": mark("There is a password and no user: give the user's name too."),
    "password_again": mark(
        "The password was sealed for one host, one camera and one site agent, and one of them has changed: enter it again."
    ),
    "bad_box": mark("That is no sealed password: paste the whole line that the command printed."),
    "bad_mask": mark(
        "A privacy mask is a line of at least three corners, each as x,y between 0 and 1: 0,0 0.3,0 0.3,0.5. At most 16"
        " lines."
    ),
    "too_many_cameras": mark("The site agent records as many cameras as it may already: use another site agent."),
    "configuration_too_large": mark(
        "The settings of all cameras of this site agent are too large together: use simpler privacy masks, or another site agent."
    ),
    "too_many_zones": mark("The site has as many places as it may have: use one of them."),
    "too_many_codes": mark("Too many codes of this site are open: use them, withdraw some, or wait until they end."),
    "agent_elsewhere": mark("An agent of this id belongs to another site. Take another id."),
    "no_authority": mark(
        "This server cannot let site agents in yet: whoever operates it has to run 'python -m server.admin init' once."
    ),
    "no_reason": mark("Say why the site agent is shut out, in 1 to 200 characters: whoever asks later should find it."),
    "no_open_code": mark("This code is not open any more: it was used, withdrawn, or has ended."),
    "bad_floor": mark("Give the floor a name of 1 to 40 characters."),
    "no_file": mark("Choose a picture first."),
    "no_picture": _NO_PICTURE,
    "oversized": _NO_PICTURE,
    "not_decoded": mark("The picture could not be looked at in time. Try once more, or a smaller one."),
    "too_many_plans": mark("This site has as many floors as it may have: remove one first."),
    "bad_point": mark("That point is not on the plan. Drag it once more."),
    "no_cameras_yet": mark("There is no camera to test yet: set one up first."),
    "not_sure": mark("Tick the box to say that you mean it, then try again."),
}
ANSWER = {
    "type": {
        "nursery": mark("childcare institution"),
        "kindergarten_class": mark("childcare class of a kindergarten"),
        "employer": mark("childcare of an employer"),
        "community": mark("childcare of a community"),
    },
    "ownership": {
        "public": mark("public"),
        "nonprofit": mark("private, not for profit"),
        "for_profit": mark("private, for profit"),
    },
    "inclusive": {"yes": mark("yes"), "no": mark("no")},
}
"""What a facility may choose from to say what it is."""
OTHER_REFUSAL = mark("That did not work. Look over what you filled in, then try again.")

PROBLEM = {
    "no_time": mark("It does not tell its time."),
    "no_utc": mark("It tells local time only: check its time zone."),
    "clock_off": mark("Its clock is off: switch NTP on in the camera."),
    "clock_zone": mark("Its clock is hours off, as by a wrong time zone: set zone and NTP in the camera."),
    "no_password": mark("It lets anybody in without a password: set one."),
    "default_password": mark("It takes a password that strangers try first: change it."),
    "not_recordable": mark("It streams neither H.264 nor H.265: set it to one of them."),
    "h265_only": mark("It streams H.265 only: many browsers cannot show that live. Set the second stream to H.264."),
    "no_sub": mark("It has no second stream: diagnosis and live view use the first, which costs more."),
    "sub_not_usable": mark("Its second stream cannot be used: set it to H.264."),
    "keyframes_rare": mark("Its keyframes are rare: set one every 2 s (I-frame interval)."),
    "password_in_url": mark("It puts the password into its stream's address, which is not kept: update its firmware."),
    "basic_only": mark(
        "It wants the password in clear, which was not sent: set its RTSP authentication to digest, or permit it under"
        " 'More settings'."
    ),
    "stream_fails": mark("Its stream does not come: check user and password, then its network."),
    "no_picture": mark("No picture of it could be had."),
}
