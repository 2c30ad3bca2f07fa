// What whole numbers a device does: 64 operations a turn, none of which can be left out.
@group(0) @binding(0) var<storage, read_write> o: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<u32>;

fn eight(begin: u32) -> u32 {
    var h = begin;
    h = h ^ (h << 13u);
    h = h ^ (h >> 17u);
    h = h ^ (h << 5u);
    return h * 747796405u + 2891336453u;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) g: vec3<u32>) {
    var h = g.x + 1u;
    for (var turn = 0u; turn < x[0]; turn++) {
        h = eight(eight(eight(eight(h))));
        h = eight(eight(eight(eight(h))));
    }
    o[g.x] = h;
}
