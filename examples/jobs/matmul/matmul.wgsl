// The product of two matrices of 128 x 128 numbers, in tiles of 16 x 16 that a workgroup shares.
// Whether `fma` rounds once or twice is the device's own: hence a tolerance, see job.toml.
@group(0) @binding(0) var<storage, read_write> product: array<f32>;
@group(0) @binding(1) var<storage, read> parameters: array<u32>;

const N = 128u;
const TILE = 16u;

var<workgroup> left: array<f32, 256>;
var<workgroup> right: array<f32, 256>;

// The left matrix is another in every task.
fn a(row: u32, column: u32) -> f32 {
    return f32((row * 7u + column * 3u + parameters[0]) % 101u) / 101.0 - 0.5;
}

fn b(row: u32, column: u32) -> f32 {
    return f32((row * 5u + column * 11u) % 97u) / 97.0 - 0.5;
}

@compute @workgroup_size(16, 16)
fn main(
    @builtin(global_invocation_id) at: vec3<u32>,
    @builtin(local_invocation_id) seat: vec3<u32>,
    @builtin(local_invocation_index) chair: u32,
) {
    var sum = 0.0;
    for (var tile = 0u; tile < 8u; tile++) {
        left[chair] = a(at.y, tile * TILE + seat.x);
        right[chair] = b(tile * TILE + seat.y, at.x);
        workgroupBarrier();
        for (var k = 0u; k < TILE; k++) {
            sum = fma(left[seat.y * TILE + k], right[k * TILE + seat.x], sum);
        }
        workgroupBarrier();
    }
    product[at.y * N + at.x] = sum;
}
