// The Mandelbrot set in whole numbers: 4.12 fixed point, so every device draws the same picture.
// One task draws a strip of 16 rows; a pixel is the number of steps until it escapes, at most 255.
@group(0) @binding(0) var<storage, read_write> picture: array<u32>;
@group(0) @binding(1) var<storage, read> parameters: array<u32>;

const WIDTH = 256;
const ROWS = 16;

fn times(a: i32, b: i32) -> i32 {
    return (a * b) >> 12u;
}

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    // Each invocation fills one word, from its own first byte on: pixels in a word are a row's.
    let row = i32(parameters[0]) * ROWS + i32(at.y);
    var word = 0u;
    for (var byte = 0u; byte < 4u; byte++) {
        let column = i32(4u * at.x + byte);
        let cr = column * 12288 / WIDTH - 8192;
        let ci = row * 12288 / WIDTH - 6144;
        var zr = 0;
        var zi = 0;
        var steps = 0u;
        while (steps < 255u) {
            let rr = times(zr, zr);
            let ii = times(zi, zi);
            if (rr + ii > 16384) {
                break;
            }
            zi = 2 * times(zr, zi) + ci;
            zr = rr - ii + cr;
            steps++;
        }
        word = word | (steps << (8u * byte));
    }
    picture[at.y * 64u + at.x] = word;
}
