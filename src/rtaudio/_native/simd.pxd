"""The vector level that every kernel chooses its variant by, once, when it is imported."""


cdef extern from "simd.h" nogil:
    int RTA_LEVEL_COUNT
    const char *const *RTA_LEVEL_NAMES
    int rta_detect_level() noexcept


# Index into RTA_LEVEL_NAMES: what the processor has, lowered by RTAUDIO_SIMD.
cdef int active_level() noexcept nogil
