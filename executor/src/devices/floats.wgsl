// What floats a device does behind the fences of `exact`: 16 products and sums a turn.
@group(0) @binding(0) var<storage, read_write> o: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) g: vec3<u32>) {
    var a = f32(g.x & 255u);
    let b = 0.5;
    let c = 3.0;
    for (var turn = 0u; turn < x[0]; turn++) {
        a = a * b + c;
        a = a * b + c;
        a = a * b + c;
        a = a * b + c;
        a = a * b + c;
        a = a * b + c;
        a = a * b + c;
        a = a * b + c;
    }
    o[g.x] = bitcast<u32>(a);
}
