"""An RTSP client of our own: what a camera sends is read in large pieces and taken apart in Python.

FFmpeg's reads three times for every RTP packet, which was two thirds of what recording a camera cost; and a parser in
a memory-safe language is the right one for bytes from a device that nobody updates. What it does not understand is
left to FFmpeg (``rtsp_ffmpeg``).

Source: RFC 2326 (RTSP), RFC 8866 (SDP), RFC 3550 (RTP, RTCP), RFC 6184 (H.264), RFC 7798 (H.265).
"""
