"""A camera simulator: real RTSP, real H.264 or H.265, a burned-in clock that people and tests can read.

    python -m deploy.local.simulator --port 8554 --cameras 8 --control /run/sim.sock

Serves ``rtsp://127.0.0.1:8554/cam1`` to ``cam8``. A camera is encoded only while somebody watches it.
"""
