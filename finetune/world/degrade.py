"""What happens to a frame on its way to the model: JPEG (browser webcams), VP8 (files), blur, gain. Training frames get
the same treatment."""

import io

import av
import cv2
import numpy as np

VP8 = {"deadline": "realtime", "cpu-used": "-4"}
"""A fixed speed (below 0): above 0 the encoder adapts its speed to how long it takes by the clock, and one seed would
give other frames when the machine is busy."""
_VP8_BITS_PER_PIXEL = (0.08, 1.2)
"""For frames one second apart, drawn log-uniformly: from mush to clean."""


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A frame as it arrives, (H, W, 3) uint8: half the time through JPEG, sometimes blurred or with another gain."""
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.2)) * image.shape[0] / 240)
    if rng.random() < 0.3:
        image = cv2.convertScaleAbs(image, alpha=float(rng.uniform(0.8, 1.2)), beta=float(rng.uniform(-15, 15)))
    if rng.random() < 0.5:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 96))])[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return image


def through_vp8(images: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Frames of one even size, (H, W, 3) uint8 RGB, as a VP8 file of some bitrate gives them back."""
    height, width = images[0].shape[:2]
    low, high = np.log(_VP8_BITS_PER_PIXEL)
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        video = container.add_stream("libvpx", rate=1, options=VP8)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.thread_count = 1
        video.bit_rate = int(np.exp(rng.uniform(low, high)) * width * height)
        for image in images:
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode())
    file.seek(0)
    with av.open(file) as container:
        back = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return back if len(back) == len(images) else images  # the encoder may drop frames at the lowest rates
