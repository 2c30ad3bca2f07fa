//! Shaders: through the executor, and the same text straight through wgpu, on the same adapter.

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use protocol::job::{Array, Blob, Job, Profile};
use protocol::kernel::{Buffer, Compare, Kernel, Pass, Program, parameters};
use protocol::outcome::TaskOutput;
use protocol::units::Bytes;
use wgpu::{BufferUsages, util::DeviceExt as _};

use crate::jobs;
use crate::machine::{LIMITS, Machine};

/// So many tasks of each shader.
const TASKS: u32 = 64;

struct Shader {
    name: &'static str,
    file: &'static str,
    groups: [u32; 3],
    bytes: u64,
    compare: Compare,
}

/// Prints the table.
pub(crate) fn shaders() {
    let machine = Machine::start(1, true);
    println!("\none task of a shader ({TASKS} in a row, wall time, least of 3)\n");
    println!(
        "{:<11} {:>12} {:>12}  executor/straight",
        "shader", "straight us", "executor us"
    );
    for shader in [
        Shader {
            name: "mandelbrot",
            file: "mandelbrot/mandelbrot.wgsl",
            groups: [4, 1, 1],
            bytes: 4_096,
            compare: Compare::Exact,
        },
        Shader {
            name: "matmul",
            file: "matmul/matmul.wgsl",
            groups: [8, 8, 1],
            bytes: 65_536,
            compare: Compare::Tolerance {
                absolute: 1e-4_f32.to_bits(),
                relative: 1e-5_f32.to_bits(),
                apart_max: 0,
            },
        },
    ] {
        let text = std::fs::read_to_string(jobs().join(shader.file)).unwrap();
        let job = job(&shader, &text);
        machine.run(text.as_bytes(), job.clone());
        let (ours, outputs) = (0..3)
            .map(|_| machine.run(text.as_bytes(), job.clone()))
            .min_by_key(|(time, _)| *time)
            .unwrap();
        let straight = Straight::open(&shader, &text);
        let theirs = (0..3).map(|_| straight.all(&job, &outputs)).min().unwrap();
        let each = |all: Duration| all.as_secs_f64() * 1e6 / f64::from(TASKS);
        let (theirs, ours) = (each(theirs), each(ours));
        println!(
            "{:<11} {theirs:>12.0} {ours:>12.0}  {:>17.2}",
            shader.name,
            ours / theirs
        );
    }
}

fn job(shader: &Shader, text: &str) -> Job {
    let mut job = Job::once(shader.name, Blob::of(text.as_bytes()), LIMITS);
    job.profile = Profile::WGSL_1;
    job.array = Array::of(TASKS);
    let output = Buffer::Output {
        name: "output".to_owned(),
        size: Bytes::new(shader.bytes),
    };
    job.program = Program::Wgsl(Kernel {
        buffers: vec![output, Buffer::Parameters],
        passes: vec![Pass {
            entry: "main".to_owned(),
            groups: shader.groups,
        }],
        compare: shader.compare.clone(),
    });
    job
}

/// wgpu's futures are ready at once here.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the graphics library waits for something"),
    }
}

/// A shader on the first adapter, as whoever needs no proof would run it.
struct Straight {
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipeline: wgpu::ComputePipeline,
    groups: [u32; 3],
    bytes: u64,
}

impl Straight {
    fn open(shader: &Shader, text: &str) -> Self {
        let mut wanted = wgpu::InstanceDescriptor::new_without_display_handle();
        wanted.backends = wgpu::Backends::VULKAN;
        let adapters = now(wgpu::Instance::new(wanted).enumerate_adapters(wgpu::Backends::VULKAN));
        let adapter = adapters
            .into_iter()
            .next()
            .expect("`./x setup` installs an adapter");
        let (device, queue) = now(adapter.request_device(&Default::default())).unwrap();
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(text.into()),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: Default::default(),
            cache: None,
        });
        Self {
            device,
            queue,
            pipeline,
            groups: shader.groups,
            bytes: shader.bytes,
        }
    }

    /// How long all tasks take; each gives about as many bytes as the executor had.
    fn all(&self, job: &Job, outputs: &[TaskOutput]) -> Duration {
        let begun = Instant::now();
        for task in 0..job.array.count {
            let words = parameters(job, task).unwrap();
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let output = self.task(&bytes);
            assert_eq!(output.len(), outputs[task as usize].files[0].1.len());
            if matches!(&job.program, Program::Wgsl(kernel) if kernel.compare == Compare::Exact) {
                assert!(
                    output == outputs[task as usize].files[0].1,
                    "task {task} differs"
                );
            }
        }
        begun.elapsed()
    }

    fn task(&self, parameters: &[u8]) -> Vec<u8> {
        let buffer = |usage| {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: self.bytes,
                usage,
                mapped_at_creation: false,
            })
        };
        let output = buffer(BufferUsages::STORAGE | BufferUsages::COPY_SRC);
        let back = buffer(BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        let given = self
            .device
            .create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: None,
                contents: parameters,
                usage: BufferUsages::STORAGE,
            });
        let bound = |binding, buffer: &'_ wgpu::Buffer| (binding, buffer.clone());
        let bound = [bound(0, &output), bound(1, &given)];
        let entries = bound
            .each_ref()
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding: *binding,
                resource: buffer.as_entire_binding(),
            });
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &group, &[]);
            let [x, y, z] = self.groups;
            pass.dispatch_workgroups(x, y, z);
        }
        encoder.copy_buffer_to_buffer(&output, 0, &back, 0, self.bytes);
        self.queue.submit([encoder.finish()]);
        let (tell, told) = channel();
        back.slice(..)
            .map_async(wgpu::MapMode::Read, move |result| drop(tell.send(result)));
        self.device
            .poll(wgpu::PollType::wait_indefinitely())
            .unwrap();
        told.recv().unwrap().unwrap();
        back.slice(..).get_mapped_range().to_vec()
    }
}
