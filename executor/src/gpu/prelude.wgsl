// What every shader is given: the meter, the places that belong to one invocation, and floats that
// are the same everywhere. No shader of a stranger can name any of it: `tg_` is refused there.
struct tg_Meter {
    low: atomic<u32>,
    high: atomic<u32>,
    turns: atomic<u32>,
    wrong: atomic<u32>,
    zero: u32,
    base_x: u32,
    base_y: u32,
    base_z: u32,
    groups_x: u32,
    groups_y: u32,
    groups_z: u32,
    unused: u32,
    own: array<u32, 8>,
}
@group(1) @binding(0) var<storage, read_write> tg_meter: tg_Meter;

var<private> tg_fuel: u32;
var<private> tg_turns: u32;
var<private> tg_wrong: u32;
var<private> tg_zero: u32;
var<private> tg_line: u32;
var<private> tg_chair: u32;
var<private> tg_size: u32;
var<private> tg_group: vec3<u32>;
var<private> tg_groups: vec3<u32>;
var<private> tg_global: vec3<u32>;

fn tg_begin(group: vec3<u32>, local: vec3<u32>, chair: u32, size: vec3<u32>) {
    tg_zero = tg_meter.zero;
    tg_group = group + vec3<u32>(tg_meter.base_x, tg_meter.base_y, tg_meter.base_z);
    tg_groups = vec3<u32>(tg_meter.groups_x, tg_meter.groups_y, tg_meter.groups_z);
    tg_global = tg_group * size + local;
    tg_chair = chair;
    tg_size = size.x * size.y * size.z;
    let width = tg_groups * size;
    tg_line = (tg_global.z * width.y + tg_global.y) * width.x + tg_global.x;
}

// The two halves hold one sum of 64 bits: who turns the lower half over adds one to the upper.
fn tg_end() {
    let before = atomicAdd(&tg_meter.low, tg_fuel);
    if (before > 0xffffffffu - tg_fuel) {
        atomicAdd(&tg_meter.high, 1u);
    }
    atomicMax(&tg_meter.turns, tg_turns);
    if (tg_wrong != 0u) {
        atomicOr(&tg_meter.wrong, tg_wrong);
    }
}

fn tg_turn(fuel: u32, turns: u32) -> bool {
    tg_fuel = tg_fuel + fuel;
    tg_turns = tg_turns + turns;
    return tg_turns > 60000u;
}

fn tg_inside(index: u32, first: u32, count: u32) -> u32 {
    let offset = index - first;
    if (offset >= count) {
        tg_wrong = tg_wrong | 1u;
    }
    return first + min(offset, count - 1u);
}

fn tg_place(index: u32, slot: u32) -> u32 {
    let count = tg_meter.own[slot];
    return tg_inside(index, tg_line * count, count);
}

fn tg_seat(index: u32, length: u32) -> u32 {
    let count = max(length / tg_size, 1u);
    return tg_inside(index, tg_chair * count, count);
}

fn tg_f1(value: f32) -> f32 {
    let bits = bitcast<u32>(value) ^ tg_zero;
    let power = bits & 0x7f800000u;
    tg_wrong = tg_wrong | select(0u, 2u, power == 0x7f800000u);
    return bitcast<f32>(select(bits, 0u, power == 0u));
}

fn tg_f2(v: vec2<f32>) -> vec2<f32> { return vec2<f32>(tg_f1(v.x), tg_f1(v.y)); }
fn tg_f3(v: vec3<f32>) -> vec3<f32> { return vec3<f32>(tg_f1(v.x), tg_f1(v.y), tg_f1(v.z)); }
fn tg_f4(v: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(tg_f1(v.x), tg_f1(v.y), tg_f1(v.z), tg_f1(v.w));
}

fn tg_u1(value: u32) -> f32 {
    tg_wrong = tg_wrong | select(0u, 4u, value > 16777216u);
    return f32(value);
}
fn tg_u2(v: vec2<u32>) -> vec2<f32> { return vec2<f32>(tg_u1(v.x), tg_u1(v.y)); }
fn tg_u3(v: vec3<u32>) -> vec3<f32> { return vec3<f32>(tg_u1(v.x), tg_u1(v.y), tg_u1(v.z)); }
fn tg_u4(v: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(tg_u1(v.x), tg_u1(v.y), tg_u1(v.z), tg_u1(v.w));
}

fn tg_i1(value: i32) -> f32 {
    tg_wrong = tg_wrong | select(0u, 4u, value > 16777216i || value < -16777216i);
    return f32(value);
}
fn tg_i2(v: vec2<i32>) -> vec2<f32> { return vec2<f32>(tg_i1(v.x), tg_i1(v.y)); }
fn tg_i3(v: vec3<i32>) -> vec3<f32> { return vec3<f32>(tg_i1(v.x), tg_i1(v.y), tg_i1(v.z)); }
fn tg_i4(v: vec4<i32>) -> vec4<f32> {
    return vec4<f32>(tg_i1(v.x), tg_i1(v.y), tg_i1(v.z), tg_i1(v.w));
}
