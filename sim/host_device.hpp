#pragma once
// Step headers compile for the host and, under nvcc, for the device, from one source.
#if defined(__CUDACC__)
#define MW_HD __host__ __device__
#else
#define MW_HD
#endif
