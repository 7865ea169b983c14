/* Types that more than one kernel names. */
#ifndef RTA_TYPES_H
#define RTA_TYPES_H

/* A float32 at any address: a slice of bytes may begin anywhere, and reading a plain float there is
 * undefined in C. Vector loads take such addresses as fast as others. */
typedef float rta_f32 __attribute__((aligned(1), may_alias));

#endif
