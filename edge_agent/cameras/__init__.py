"""A camera's stream, from the RTSP connection to packets with their arrival times; each camera fails alone."""
