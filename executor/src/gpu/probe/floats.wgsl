@group(0) @binding(0) var<storage, read_write> o: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) g: vec3<u32>) {
    let a = x[2u * g.x];
    let b = x[2u * g.x + 1u];
    let whole = clamp(a * 1024.0, -1000000.0, 1000000.0);
    let at = 8u * g.x;
    o[at] = bitcast<u32>(a + b);
    o[at + 1u] = bitcast<u32>(a - b);
    o[at + 2u] = bitcast<u32>(a * b);
    o[at + 3u] = bitcast<u32>(a * b + a);
    o[at + 4u] = bitcast<u32>(a * a - b * b);
    o[at + 5u] = bitcast<u32>(floor(whole));
    o[at + 6u] = bitcast<u32>(i32(whole));
    o[at + 7u] = select(0u, 1u, a < b);
}
