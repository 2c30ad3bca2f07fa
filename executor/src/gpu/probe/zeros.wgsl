@group(0) @binding(0) var<storage, read_write> o: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<u32>;
var<workgroup> w: array<u32, 1024>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
    var own: array<u32, 16>;
    var found = own[x[0]] | o[g.x];
    for (var i = 0u; i < 16u; i++) {
        found = found | w[16u * l + i];
    }
    workgroupBarrier();
    for (var i = 0u; i < 16u; i++) {
        w[16u * l + i] = 0xdeadbeefu;
    }
    o[g.x] = found;
}
