"""Audio: sound as a field's value."""

from __future__ import annotations

import wave
from io import BytesIO
from typing import Any, ClassVar, Self

from lmnb.errors import InputError
from lmnb.optional import need
from lmnb.types.media import Media
from lmnb.types.parts import Content

_FORMATS = {"audio/mpeg": "mp3", "audio/mp4": "m4a"}


class Audio(Media):
    """Sound: WAV, MP3, FLAC, OGG, M4A or AAC, from a path, a data URI, bytes, an open file or an array of samples.

    Providers take sound as bytes, so a URL is only taken with `download=True`. InputError for what is no audio, or
    larger than `Audio.max_bytes`.

    >>> import lmnb
    >>> tone = lmnb.Audio.from_array([0.0, 0.5, 0.0, -0.5], sampling_rate=8000)
    >>> tone, tone.format()[0]["input_audio"]["format"]
    (Audio(audio/wav, 52 B), 'wav')
    """

    kind: ClassVar[str] = "audio"
    max_bytes: ClassVar[int] = 25_000_000
    is_sent_by_url: ClassVar[bool] = False
    __init__ = Media.__init__  # type checkers would take the fields for its arguments

    def format(self) -> Content:
        return [
            {"type": "input_audio", "input_audio": {"data": self.url.partition(",")[2], "format": self.audio_format}}
        ]

    @property
    def audio_format(self) -> str:
        """The format as providers call it: "wav", "mp3", "flac", ..."""
        media_type = self.media_type or ""
        return _FORMATS.get(media_type) or media_type.partition("/")[2]

    @classmethod
    def from_url(cls, url: str, *, download: bool = True, verify: bool = True) -> Self:
        """From an address, downloaded now."""
        return super().from_url(url, download=download, verify=verify)

    @classmethod
    def from_array(cls, array: Any, sampling_rate: int, format: str = "wav") -> Self:
        """From samples in an array of shape (samples,) or (samples, channels): floats from -1 to 1, or 16-bit integers.

        Needs numpy. InputError for other shapes and types.
        """
        numpy = need("numpy", "embed", "Audio.from_array()")
        if format != "wav":
            raise InputError(f"samples are written as 'wav', not {format!r}. Encode them, and write Audio(bytes).")
        if isinstance(sampling_rate, bool) or not isinstance(sampling_rate, int) or sampling_rate < 1:
            raise InputError(f"sampling_rate is the number of samples a second, such as 16000, not {sampling_rate!r}")
        samples = numpy.asarray(array)
        if samples.ndim not in (1, 2) or samples.size == 0 or (samples.ndim == 2 and samples.shape[1] > 32):
            raise InputError(f"samples have the shape (samples,) or (samples, channels), not {samples.shape}")
        if samples.dtype.kind == "f":
            if not numpy.isfinite(samples).all():
                raise InputError("the samples hold NaN or infinities")
            samples = (samples.astype("f8").clip(-1.0, 1.0) * 32767).round().astype("<i2")
        elif samples.dtype != numpy.int16:
            raise InputError(f"samples are floats from -1 to 1 or int16, not {samples.dtype}")
        buffer = BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
            file.setsampwidth(2)
            file.setframerate(sampling_rate)
            file.writeframes(numpy.ascontiguousarray(samples, dtype="<i2").tobytes())
        return cls(buffer.getvalue())
