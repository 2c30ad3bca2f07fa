//! The smallest program that can be a worker, for the tests.

fn main() -> std::process::ExitCode {
    executor::worker_main()
}
