@group(0) @binding(0) var<storage, read_write> o: array<atomic<u32>>;
@group(0) @binding(1) var<storage, read> x: array<u32>;
var<workgroup> sums: array<atomic<u32>, 4>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
    atomicAdd(&sums[l % 4u], x[g.x]);
    workgroupBarrier();
    if (l < 4u) {
        atomicAdd(&o[l], atomicLoad(&sums[l]));
    }
}
