@group(0) @binding(0) var<storage, read_write> o: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) g: vec3<u32>) {
    var own = array<u32, 4>(10u, 11u, 12u, 13u);
    if (g.x < 64u) {
        o[g.x] = x[x[0] + g.x % 8u];
    } else {
        o[g.x] = own[x[1]];
    }
}
