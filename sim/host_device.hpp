#pragma once
// Step headers compile for the host and, under nvcc, for the device, from one source.
#if defined(__CUDACC__)
#define MW_HD __host__ __device__
#else
#define MW_HD
#endif

// A function on a hot path that compilers leave out of line for its size, though most of its result
// goes unused where it is called.
#define MW_ALWAYS_INLINE __attribute__((always_inline)) inline

// Integer loops over arrays, compiled also for wider vectors and chosen when the program starts.
// The results are the same: integers, and nothing is contracted. Sanitizers run before such a
// choice.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__) && defined(__x86_64__) && \
    defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MW_WIDE_VECTORS __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define MW_WIDE_VECTORS
#endif
