"""GStreamer's own inference element, one pipeline a camera in one process. A peer of the bench, not a part of Vedette.

gstreamer.py MODEL CLIP SECONDS FPS CAMERAS SIZE
FPS 0: as fast as it goes; otherwise the clip is paced and this many frames a second go through the model.
Prints one JSON line: frames inferred, seconds, CPU milliseconds, PSS, and delays from decoded picture to tensors, of a window
without the start. Tensors are not even read: boxes would cost more.
"""
import json
import os
import sys
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

WARM_SECONDS = 2


class Camera:
    def __init__(self, model, clip, fps, size):
        pace = f"clocksync ! videorate drop-only=true ! video/x-raw,framerate={int(fps)}/1 !" if fps else ""
        self.pipeline = Gst.parse_launch(
            f"filesrc location={clip} ! qtdemux ! h264parse ! avdec_h264 max-threads=1 name=decoder ! {pace}"
            f" videoscale ! videoconvert ! video/x-raw,format=BGR,width={size},height={size},pixel-aspect-ratio=1/1"
            f" ! onnxinference name=inference model-file={model} input-image-format=chw ! fakesink sync=false"
        )
        self.decoded, self.delays, self.count = {}, [], 0
        probe = Gst.PadProbeType.BUFFER
        self.pipeline.get_by_name("decoder").get_static_pad("src").add_probe(probe, self.on_decoded)
        self.pipeline.get_by_name("inference").get_static_pad("src").add_probe(probe, self.on_inferred)
        self.pipeline.set_state(Gst.State.PLAYING)

    def on_decoded(self, _, info):
        self.decoded[info.get_buffer().pts] = time.monotonic()
        return Gst.PadProbeReturn.OK

    def on_inferred(self, _, info):
        pts = info.get_buffer().pts
        # videorate moves times to its grid: the newest picture before is the one.
        arrived = max((at for stamp, at in self.decoded.items() if stamp <= pts), default=None)
        self.decoded = {stamp: at for stamp, at in self.decoded.items() if stamp > pts}
        if arrived is not None:
            self.delays.append(time.monotonic() - arrived)
        self.count += 1
        return Gst.PadProbeReturn.OK


def pss_mb():
    text = open("/proc/self/smaps_rollup").read()
    return int(text.split("Pss:")[1].split()[0]) / 1024


def main():
    model, clip, seconds, fps, cameras, size = sys.argv[1:7]
    Gst.init(None)
    running = [Camera(model, clip, float(fps), int(size)) for _ in range(int(cameras))]
    limit = time.monotonic() + 60
    while any(camera.count == 0 for camera in running):
        if time.monotonic() > limit:
            messages = [camera.pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR) for camera in running]
            sys.exit("no frame was inferred: " + "; ".join(str(m.parse_error()) for m in messages if m))
        time.sleep(0.05)
    time.sleep(WARM_SECONDS)
    for camera in running:
        camera.delays.clear()
    before, start, first = time.process_time(), time.monotonic(), sum(camera.count for camera in running)
    time.sleep(float(seconds))
    used, passed = time.process_time() - before, time.monotonic() - start
    late = sorted(delay for camera in running for delay in camera.delays)
    print(json.dumps({
        "frames": sum(camera.count for camera in running) - first, "seconds": passed, "cpu_ms": used * 1000,
        "pss_mb": pss_mb(), "p50_ms": 1000 * late[len(late) // 2], "p95_ms": 1000 * late[int(len(late) * 0.95)],
    }), flush=True)
    os._exit(0)


main()
