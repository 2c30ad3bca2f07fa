// Says which digits a hundred small images show, as classify.c does: two layers, in whole numbers
// only. One invocation looks at one image; its word is the digit found, and the label 8 bits up.
@group(0) @binding(0) var<storage, read_write> found: array<u32>;
@group(0) @binding(1) var<storage, read> weights: array<i32>;
@group(0) @binding(2) var<storage, read> pixels: array<u32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read> parameters: array<u32>;

const IMAGES = 1797u;
const EACH = 100u;
const PIXELS = 64u;
const HIDDEN = 32u;
const DIGITS = 10u;
// Where in the weights each layer's part begins.
const HIDDEN_BIAS = 2048u;
const OUTPUT = 2080u;
const OUTPUT_BIAS = 2400u;
const NO_IMAGE = 0xffffffffu;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    let image = parameters[0] * EACH + at.x;
    if (at.x >= EACH || image >= IMAGES) {
        found[at.x] = NO_IMAGE;
        return;
    }
    var hidden: array<i32, 32>;
    for (var i = 0u; i < HIDDEN; i++) {
        var sum = weights[HIDDEN_BIAS + i];
        for (var p = 0u; p < PIXELS; p++) {
            let byte = (pixels[image * 16u + p / 4u] >> (8u * (p % 4u))) & 0xffu;
            sum += weights[i * PIXELS + p] * i32(byte);
        }
        hidden[i] = max(sum, 0) >> 8u;
    }
    var best = 0u;
    var most = -2147483647 - 1;
    for (var digit = 0u; digit < DIGITS; digit++) {
        var sum = weights[OUTPUT_BIAS + digit];
        for (var i = 0u; i < HIDDEN; i++) {
            sum += weights[OUTPUT + digit * HIDDEN + i] * hidden[i];
        }
        if (sum > most) {
            most = sum;
            best = digit;
        }
    }
    let label = (labels[image / 4u] >> (8u * (image % 4u))) & 0xffu;
    found[at.x] = best | (label << 8u);
}
