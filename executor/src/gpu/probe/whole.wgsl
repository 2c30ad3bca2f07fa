@group(0) @binding(0) var<storage, read_write> o: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) g: vec3<u32>) {
    let a = x[2u * g.x];
    let b = x[2u * g.x + 1u];
    let i = bitcast<i32>(a);
    let j = bitcast<i32>(b);
    let at = 16u * g.x;
    o[at] = a / b;
    o[at + 1u] = a % b;
    o[at + 2u] = bitcast<u32>(i / j);
    o[at + 3u] = bitcast<u32>(i % j);
    o[at + 4u] = a << b;
    o[at + 5u] = a >> b;
    o[at + 6u] = bitcast<u32>(i >> b);
    o[at + 7u] = a * b;
    o[at + 8u] = a + b;
    o[at + 9u] = a - b;
    o[at + 10u] = bitcast<u32>(min(i, j));
    o[at + 11u] = bitcast<u32>(max(i, j));
    o[at + 12u] = countOneBits(a);
    o[at + 13u] = firstLeadingBit(a);
    o[at + 14u] = reverseBits(a);
    o[at + 15u] = extractBits(a, b & 15u, 8u);
}
