//! One adapter, opened: buffers in, dispatches, buffers out, and every error as a word.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use wgpu::{
    Adapter, Backends, BindGroup, BindGroupDescriptor, BindGroupEntry, BindGroupLayout,
    BindGroupLayoutDescriptor, BindGroupLayoutEntry, BindingType, Buffer, BufferBindingType,
    BufferDescriptor, BufferUsages, ComputePipeline, ComputePipelineDescriptor, Device,
    DeviceDescriptor, DeviceType, Instance, InstanceDescriptor, InstanceFlags, Limits, MapMode,
    PipelineLayoutDescriptor, PollError, PollType, Queue, ShaderModuleDescriptor, ShaderSource,
    ShaderStages,
};

use super::plan::PassPlan;

/// How long one wait for the device is; the task's wall time bounds them all.
const WAIT: Duration = Duration::from_secs(1);
/// What is assumed of a driver that does not say how wide its vectors are.
const LANES_ASSUMED: u32 = 64;

/// What an adapter says of itself.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) driver: String,
    pub(crate) class: String,
    pub(crate) lanes: u32,
    /// The preferred come first.
    pub(crate) rank: u8,
}

/// An open device.
pub(crate) struct Gpu {
    device: Device,
    queue: Queue,
    lost: Arc<Mutex<Option<String>>>,
}

/// A pass on this device.
pub(crate) struct Ready {
    pipeline: ComputePipeline,
    buffers: BindGroupLayout,
    meter: BindGroupLayout,
}

/// Runs a future that is ready as soon as it is asked, as wgpu's are here.
fn now<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err("the graphics library waits for something".to_owned()),
    }
}

fn adapters() -> Result<Vec<Adapter>, String> {
    let mut description = InstanceDescriptor::new_without_display_handle();
    description.backends = Backends::VULKAN;
    description.flags = InstanceFlags::empty();
    now(Instance::new(description).enumerate_adapters(Backends::VULKAN))
}

fn about(adapter: &Adapter) -> About {
    let info = adapter.get_info();
    let (kind, rank) = match info.device_type {
        DeviceType::DiscreteGpu => ("discrete", 0),
        DeviceType::IntegratedGpu => ("integrated", 1),
        DeviceType::VirtualGpu => ("virtual", 2),
        DeviceType::Cpu => ("software", 3),
        DeviceType::Other => ("other", 4),
    };
    let driver = format!("{} {}", info.driver, info.driver_info);
    let class = format!(
        "vulkan/{:04x}:{:04x}/{}",
        info.vendor,
        info.device,
        driver.trim()
    );
    About {
        name: info.name,
        kind: kind.to_owned(),
        driver: driver.trim().to_owned(),
        class,
        lanes: if info.subgroup_max_size == 0 {
            LANES_ASSUMED
        } else {
            info.subgroup_max_size
        },
        rank,
    }
}

/// Every adapter, in the order of the driver loader.
///
/// # Errors
/// What keeps the graphics library from answering.
pub(crate) fn list() -> Result<Vec<About>, String> {
    Ok(adapters()?.iter().map(about).collect())
}

impl Gpu {
    /// Opens the adapter of this number, with the limits that every WebGPU device has.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub(crate) fn open(number: usize) -> Result<(Self, About), String> {
        let found = adapters()?.into_iter().nth(number);
        let adapter = found.ok_or_else(|| format!("there is no adapter {number}"))?;
        let description = DeviceDescriptor {
            required_limits: Limits::default(),
            ..DeviceDescriptor::default()
        };
        let opened = now(adapter.request_device(&description))?;
        let (device, queue) = opened.map_err(|error| error.to_string())?;
        let lost = Arc::new(Mutex::new(None));
        let (late, gone) = (Arc::clone(&lost), Arc::clone(&lost));
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            *late.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        }));
        device.set_device_lost_callback(move |_, why| {
            *gone.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        });
        let gpu = Self {
            device,
            queue,
            lost,
        };
        Ok((gpu, about(&adapter)))
    }

    /// What the device has complained of, if it has.
    ///
    /// # Errors
    /// The complaint.
    pub(crate) fn sound(&self) -> Result<(), String> {
        match &*self.lost.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(why) => Err(format!("the device failed: {why}")),
            None => Ok(()),
        }
    }

    /// Builds the passes of a shader.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn prepare(&self, text: &str, passes: &[PassPlan]) -> Result<Vec<Ready>, String> {
        let module = self.device.create_shader_module(ShaderModuleDescriptor {
            label: None,
            source: ShaderSource::Wgsl(text.into()),
        });
        self.sound()?;
        let ready = passes.iter().map(|pass| {
            let entries: Vec<_> = pass
                .uses
                .iter()
                .map(|(binding, writable)| entry(*binding, *writable))
                .collect();
            let layout = |entries: &[BindGroupLayoutEntry]| {
                let label = None;
                let description = BindGroupLayoutDescriptor { label, entries };
                self.device.create_bind_group_layout(&description)
            };
            let (buffers, meter) = (layout(&entries), layout(&[entry(0, true)]));
            let all = self
                .device
                .create_pipeline_layout(&PipelineLayoutDescriptor {
                    label: None,
                    bind_group_layouts: &[Some(&buffers), Some(&meter)],
                    immediate_size: 0,
                });
            let pipeline = self
                .device
                .create_compute_pipeline(&ComputePipelineDescriptor {
                    label: None,
                    layout: Some(&all),
                    module: &module,
                    entry_point: Some(&pass.entry),
                    compilation_options: wgpu::PipelineCompilationOptions::default(),
                    cache: None,
                });
            self.sound().map(|()| Ready {
                pipeline,
                buffers,
                meter,
            })
        });
        ready.collect()
    }

    /// A buffer of zeros that begins with these bytes.
    pub(crate) fn buffer(&self, size: u64, begin: &[u8]) -> Buffer {
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let buffer = self.plain_buffer(size, usage);
        self.write(&buffer, 0, begin);
        buffer
    }

    fn plain_buffer(&self, size: u64, usage: BufferUsages) -> Buffer {
        self.device.create_buffer(&BufferDescriptor {
            label: None,
            size,
            usage,
            mapped_at_creation: false,
        })
    }

    /// Writes to a buffer from this word's byte on, filled up to whole words.
    pub(crate) fn write(&self, buffer: &Buffer, at: u64, bytes: &[u8]) {
        let (whole, rest) = bytes.split_at(bytes.len() / 4 * 4);
        if !whole.is_empty() {
            self.queue.write_buffer(buffer, at, whole);
        }
        if !rest.is_empty() {
            let mut word = [0; 4];
            word[..rest.len()].copy_from_slice(rest);
            self.queue
                .write_buffer(buffer, at + whole.len() as u64, &word);
        }
    }

    /// Waits until everything that was written is where it belongs.
    ///
    /// # Errors
    /// What the device says.
    pub(crate) fn settle(&self) -> Result<(), String> {
        self.queue.submit([]);
        self.wait()
    }

    /// What a pass sees.
    pub(crate) fn bind(
        &self,
        ready: &Ready,
        pass: &PassPlan,
        (buffers, meter): (&[Buffer], &Buffer),
    ) -> [BindGroup; 2] {
        let group = |layout: &BindGroupLayout, entries: &[BindGroupEntry<'_>]| {
            let label = None;
            self.device.create_bind_group(&BindGroupDescriptor {
                label,
                layout,
                entries,
            })
        };
        let entries: Vec<_> = pass
            .uses
            .iter()
            .map(|(binding, _)| BindGroupEntry {
                binding: *binding,
                resource: buffers[*binding as usize].as_entire_binding(),
            })
            .collect();
        let own = BindGroupEntry {
            binding: 0,
            resource: meter.as_entire_binding(),
        };
        [group(&ready.buffers, &entries), group(&ready.meter, &[own])]
    }

    /// Runs workgroups, and waits for them.
    ///
    /// # Errors
    /// What the device says.
    pub(crate) fn dispatch(
        &self,
        ready: &Ready,
        groups: &[BindGroup; 2],
        [x, y, z]: [u32; 3],
    ) -> Result<(), String> {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&ready.pipeline);
            pass.set_bind_group(0, &groups[0], &[]);
            pass.set_bind_group(1, &groups[1], &[]);
            pass.dispatch_workgroups(x, y, z);
        }
        self.queue.submit([encoder.finish()]);
        self.wait()
    }

    fn wait(&self) -> Result<(), String> {
        loop {
            let poll = PollType::Wait {
                submission_index: None,
                timeout: Some(WAIT),
            };
            match self.device.poll(poll) {
                Ok(_) => return self.sound(),
                Err(PollError::Timeout) => self.sound()?,
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// So many bytes of a buffer, from this word's byte on; both whole words.
    ///
    /// # Errors
    /// What the device says.
    pub(crate) fn read(&self, buffer: &Buffer, at: u64, size: u64) -> Result<Vec<u8>, String> {
        let back = self.plain_buffer(size, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, at, &back, 0, size);
        self.queue.submit([encoder.finish()]);
        let mapped = Arc::new(Mutex::new(None));
        let told = Arc::clone(&mapped);
        back.slice(..).map_async(MapMode::Read, move |result| {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        });
        self.wait()?;
        match mapped.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(Ok(())) => Ok(back.slice(..).get_mapped_range().to_vec()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("the device does not give a buffer back".to_owned()),
        }
    }
}

fn entry(binding: u32, writable: bool) -> BindGroupLayoutEntry {
    BindGroupLayoutEntry {
        binding,
        visibility: ShaderStages::COMPUTE,
        ty: BindingType::Buffer {
            ty: BufferBindingType::Storage {
                read_only: !writable,
            },
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    }
}
