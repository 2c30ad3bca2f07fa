//! What a shader becomes once it is checked: text that counts its own work, and how to run it.

use borsh::{BorshDeserialize, BorshSerialize};

/// A shader ready for any device.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Plan {
    /// The metered WGSL.
    pub(crate) text: String,
    /// What runs, in order.
    pub(crate) passes: Vec<PassPlan>,
    /// How many bytes each buffer is made with: whole places for all invocations of every pass.
    pub(crate) sizes: Vec<u64>,
}

/// One pass.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct PassPlan {
    /// The entry point's name in the metered text.
    pub(crate) entry: String,
    /// Workgroups in x, y and z.
    pub(crate) groups: [u32; 3],
    /// The buffers it uses, and whether it may write to them.
    pub(crate) uses: Vec<(u32, bool)>,
    /// How many elements of each buffer belong to one invocation.
    pub(crate) own: [u32; 8],
}
