/* Includes the file RTA_BODY once per vector level, with these defined:
 *
 *   RTA_LEVEL         baseline, avx2 or avx512; RTA_NAME(x_) is x_ with that appended
 *   RTA_LEVEL_TARGET  the attribute that compiles a function for that level
 *   RTA_LANES         floats in a register: 4, 8 or 16
 *
 * RTA_PICK(level, x_) in simd.h chooses among the results. No include guard: a kernel's header uses
 * this once for each of its bodies. */
#define RTA_LEVEL baseline
#define RTA_LEVEL_TARGET RTA_TARGET_BASELINE
#define RTA_LANES 4
#include RTA_BODY
#undef RTA_LEVEL
#undef RTA_LEVEL_TARGET
#undef RTA_LANES

#if RTA_X86
#define RTA_LEVEL avx2
#define RTA_LEVEL_TARGET RTA_TARGET_AVX2
#define RTA_LANES 8
#include RTA_BODY
#undef RTA_LEVEL
#undef RTA_LEVEL_TARGET
#undef RTA_LANES

#define RTA_LEVEL avx512
#define RTA_LEVEL_TARGET RTA_TARGET_AVX512
#define RTA_LANES 16
#include RTA_BODY
#undef RTA_LEVEL
#undef RTA_LEVEL_TARGET
#undef RTA_LANES
#endif

#undef RTA_BODY
