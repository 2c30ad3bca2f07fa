// How fast a device reads: every invocation takes 32 words a turn out of 64 MiB, its neighbours the
// words beside them.
@group(0) @binding(0) var<storage, read_write> o: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> far: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) g: vec3<u32>) {
    var sum = 0u;
    for (var turn = 0u; turn < x[0]; turn++) {
        for (var k = 0u; k < 32u; k++) {
            sum += far[(k * 524288u + g.x + turn) & 16777215u];
        }
    }
    o[g.x] = sum;
}
