//! One task of a shader on one device, from its buffers' first content to its output files.

use std::time::Duration;

use protocol::job::Job;
use protocol::kernel::{Buffer as Declared, Kernel, parameters};
use protocol::outcome::{Limit, Status, TaskOutput};
use protocol::units::Fuel;
use wgpu::Buffer;

use super::adapter::{Adapter, Counted, Ending};
use super::device::{Gpu, Ready};
use super::plan::Plan;

/// What a task that is out of fuel says on its standard error.
const OUT_OF_FUEL: &str = "more fuel than the task may use, or an invocation of 60000 turns";

/// A shader that is ready to run all tasks of its job.
pub(crate) struct Runner {
    adapter: Adapter,
    ready: Vec<Ready>,
    plan: Plan,
    job: Job,
    kernel: Kernel,
    /// The content of each input file, in the order of `job.inputs`.
    inputs: Vec<Vec<u8>>,
}

/// What a task gave.
pub(crate) struct Ended {
    pub(crate) output: TaskOutput,
    pub(crate) fuel: Fuel,
    /// How long the device worked at it, from each slice's start to its end.
    pub(crate) busy: Duration,
}

impl Runner {
    /// Builds the shader on the device.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn new(
        adapter: Adapter,
        plan: Plan,
        (job, kernel): (Job, Kernel),
        inputs: Vec<Vec<u8>>,
    ) -> Result<Self, String> {
        let ready = adapter.gpu().prepare(&plan.text, &plan.passes)?;
        Ok(Self {
            adapter,
            ready,
            plan,
            job,
            kernel,
            inputs,
        })
    }

    /// The device, for another shader.
    pub(crate) fn into_gpu(self) -> Gpu {
        self.adapter.into_gpu()
    }

    /// Runs one task from its start to its end.
    ///
    /// # Errors
    /// How this machine failed it.
    pub(crate) fn run(&self, task: u32) -> Result<Ended, String> {
        let buffers = self.buffers(task);
        let (meter, limit) = (self.adapter.meter(), self.job.limits.fuel);
        let mut all = Counted::default();
        for pass in self.plan.passes.iter().zip(&self.ready) {
            let counted = (&mut all, limit.get());
            self.adapter.pass(pass, (&buffers, &meter), counted)?;
            if all.is_over(limit.get()) {
                break;
            }
        }
        let (status, why) = match self.adapter.ending(&all, limit.get())? {
            Ending::Well => (Status::Exited(0), String::new()),
            Ending::OutOfFuel => (Status::OutOf(Limit::Fuel), format!("{OUT_OF_FUEL}\n")),
            Ending::Trapped(trap, why) => (Status::Trapped(trap), format!("{why}\n")),
        };
        let files = match status {
            Status::Exited(_) => self.files(&buffers)?,
            _ => Vec::new(),
        };
        let output = TaskOutput {
            profile: self.job.profile,
            status,
            stdout: Vec::new(),
            stderr: why.into_bytes(),
            files,
            steps: None,
        };
        let fuel = if status.is_success() {
            Fuel::new(all.fuel.max(1))
        } else {
            limit
        };
        let busy = all.busy;
        Ok(Ended { output, fuel, busy })
    }

    fn buffers(&self, task: u32) -> Vec<Buffer> {
        let declared = self.kernel.buffers.iter().zip(&self.plan.sizes);
        let gpu = self.adapter.gpu();
        let buffers = declared.map(|(declared, size)| match declared {
            Declared::Input { path } => {
                let place = self.job.inputs.iter().position(|input| input.path == *path);
                let content = place.and_then(|place| self.inputs.get(place));
                gpu.buffer(*size, content.map_or(&[], Vec::as_slice))
            }
            Declared::Parameters => {
                let words = parameters(&self.job, task).unwrap_or_default();
                let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                gpu.buffer(*size, &bytes)
            }
            Declared::Scratch { .. } | Declared::Output { .. } => gpu.buffer(*size, &[]),
        });
        buffers.collect()
    }

    fn files(&self, buffers: &[Buffer]) -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut files = Vec::new();
        for (declared, buffer) in self.kernel.buffers.iter().zip(buffers) {
            if let Declared::Output { name, size } = declared {
                let content = self.adapter.gpu().read(buffer, 0, size.get())?;
                files.push((name.clone(), content));
            }
        }
        files.sort();
        Ok(files)
    }
}
