/* Which vector instructions this processor has. Levels count upwards; 0 is what the whole module is
 * compiled for. A variant above it is compiled with RTA_TARGET_* on the function and is only called
 * when rta_detect_level() says so. */
#ifndef RTA_SIMD_H
#define RTA_SIMD_H

#if defined(__x86_64__) || defined(__i386__)
#define RTA_X86 1
#define RTA_TARGET_BASELINE
#define RTA_TARGET_AVX2 __attribute__((target("avx2,fma")))
#define RTA_TARGET_AVX512 __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")))
enum { RTA_LEVEL_BASELINE, RTA_LEVEL_AVX2, RTA_LEVEL_AVX512, RTA_LEVEL_COUNT };
static const char *const RTA_LEVEL_NAMES[] = {"baseline", "avx2", "avx512"};

static inline int rta_detect_level(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return RTA_LEVEL_BASELINE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return RTA_LEVEL_AVX2;
    return RTA_LEVEL_AVX512;
}

#else
#define RTA_X86 0
#define RTA_TARGET_BASELINE
/* On aarch64 NEON is part of the architecture: what is compiled for it already uses it. */
#if defined(__aarch64__)
enum { RTA_LEVEL_BASELINE, RTA_LEVEL_NEON, RTA_LEVEL_COUNT };
static const char *const RTA_LEVEL_NAMES[] = {"baseline", "neon"};
#else
enum { RTA_LEVEL_BASELINE, RTA_LEVEL_COUNT };
static const char *const RTA_LEVEL_NAMES[] = {"baseline"};
#endif

static inline int rta_detect_level(void)
{
    return RTA_LEVEL_COUNT - 1;
}
#endif

/* The variant of a function for a level; see each_level.h. */
#if RTA_X86
#define RTA_PICK(level, name)                        \
    ((level) == RTA_LEVEL_AVX512 ? name##avx512      \
     : (level) == RTA_LEVEL_AVX2 ? name##avx2        \
                                 : name##baseline)
#else
#define RTA_PICK(level, name) ((void)(level), name##baseline)
#endif

#define RTA_JOIN_(a, b) a##b
#define RTA_JOIN(a, b) RTA_JOIN_(a, b)
#define RTA_NAME(name) RTA_JOIN(name, RTA_LEVEL)

#endif
