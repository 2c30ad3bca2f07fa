/* The seven calls by which a guest drives a GPU; its job says `gpu_calls = true`. An answer below
 * zero says why there is none: -1 too large, -2 no such object, -3 out of range, -4 bad shader,
 * -5 too many objects, -6 bad pointer, -7 one buffer given twice. */
#pragma once
#include <stdint.h>

#define GPU(name) __attribute__((import_module("gpu"), import_name(#name)))

/* A buffer of so many bytes, whole words, that begins as zeros. */
GPU(buffer) int32_t gpu_buffer(uint32_t size);
/* Ranges are in whole words and inside the buffer. */
GPU(write) int32_t gpu_write(int32_t buffer, uint32_t at, const void *from, uint32_t len);
/* WGSL of class `exact`; why it is refused stands on standard error. */
GPU(shader) int32_t gpu_shader(const char *text, uint32_t len);
/* Runs an entry point for a box of workgroups; buffers stand at @group(0), @binding(0), (1), ... */
GPU(dispatch) int32_t gpu_dispatch(int32_t shader, const char *entry, uint32_t entry_len,
                                   const uint32_t groups[3], const int32_t *buffers,
                                   uint32_t count);
GPU(read) int32_t gpu_read(int32_t buffer, uint32_t at, void *to, uint32_t len);
GPU(free) int32_t gpu_free(int32_t object);
/* Version, objects at once, buffers of a dispatch, bytes of a buffer, bytes of memory and buffers
 * together, bytes of a shader, workgroups in a direction: as many words as `len` bytes hold. */
GPU(limits) int32_t gpu_limits(uint32_t *to, uint32_t len);
