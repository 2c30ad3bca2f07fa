@group(0) @binding(0) var<storage, read_write> o: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) g: vec3<u32>) {
    var sum = 0u;
    for (var lane = 0u; lane < x[0]; lane++) {
        if (lane == g.x) {
            for (var k = 0u; k < x[1]; k++) {
                sum = sum * 3u + (k ^ lane);
            }
        }
    }
    o[g.x] = sum;
}
