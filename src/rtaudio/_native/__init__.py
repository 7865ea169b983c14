"""Cython kernels: the per-sample and per-packet work. Users reach them through `rtaudio.audio`
and `rtaudio.protocol`; nothing here knows of events, sessions or transports."""
