// Eight queens on each of 64 boards, no two of which may take each other. Each invocation moves the
// queens of one board about until none can, and rolls dice between equally good moves. Its dice are
// the sines of large numbers, which every device rounds in its own way: so honest devices find
// other boards, and a checker says whether one is good. See job.toml.
@group(0) @binding(0) var<storage, read_write> boards: array<u32>;
@group(0) @binding(1) var<storage, read> parameters: array<u32>;

const N = 8u;
const MOVES = 210u;
// A board is written in the letters `0` to `7`, one queen's row in each column; `?` is no answer.
const ZERO = 48u;
const NONE = 63u;

// How often each row is attacked: four bits a row.
fn attacked(rows: array<u32, 8>, column: u32) -> u32 {
    var counts = 0u;
    for (var other = 0u; other < N; other++) {
        let far = max(other, column) - min(other, column);
        let row = rows[other];
        if other != column {
            counts += 1u << (4u * row);
            counts += select(0u, 1u << (4u * (row - far)), row >= far);
            counts += select(0u, 1u << (4u * (row + far)), row + far < N);
        }
    }
    return counts;
}

fn roll(chance: f32, count: u32) -> f32 {
    return fract(sin(chance * 12.9898 + f32(count) * 78.233 + 1.0) * 43758.547);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    let index = parameters[0];
    // The first queen's row is the task's and the board's own, and stays.
    var rows = array<u32, 8>(0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u);
    rows[0] = (index + at.x) % N;
    var chance = f32(index) * 0.37 + f32(at.x) * 1.73 + 1.0;
    var calm = 0u;
    for (var turn = 0u; turn < MOVES; turn++) {
        let column = 1u + turn % (N - 1u);
        let counts = attacked(rows, column);
        // The least attacked row; of several, whichever the dice say.
        var least = 15u;
        var best = 0u;
        var luck = -1.0;
        for (var row = 0u; row < N; row++) {
            let count = (counts >> (4u * row)) & 15u;
            chance = roll(chance, turn * N + row);
            if count < least || (count == least && chance > luck) {
                least = count;
                best = row;
                luck = chance;
            }
        }
        // A queen that is attacked wherever it stands is sometimes put anywhere: else all get stuck.
        chance = roll(chance, turn);
        if least > 0u && chance < 0.25 {
            best = u32(chance * 32.0);
        }
        rows[column] = best;
        calm = select(0u, calm + 1u, least == 0u);
        if calm >= N - 1u {
            break;
        }
    }
    for (var column = 0u; column < N; column++) {
        boards[at.x * N + column] = select(NONE, ZERO + rows[column], calm >= N - 1u);
    }
}
