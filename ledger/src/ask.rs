//! Reading what is agreed: balances, jobs, members, and proofs of them.

use crate::commitment::{Proof, bucket_of};
use crate::disk::{Disk, View as DiskView};
use crate::execute::agreed_time;
use crate::header::Datum;
use crate::memory::read_tree;
use protocol::ids::Digest;
use protocol::units::{Height, Moment};

/// The agreed state as it was when it was asked for; blocks agreed later do not show. What the
/// rows mean is known by `rules::read`, which takes a reader for its view. A disk is no view: rows
/// read one by one while blocks are agreed may not belong together.
pub struct Reader<'a> {
    view: DiskView<'a>,
    disk: &'a Disk,
}

impl rules::View for Reader<'_> {
    fn read(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.view.row(key)
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(disk: &'a Disk) -> Self {
        Self {
            view: disk.view(),
            disk,
        }
    }

    /// The newest block whose changes show.
    pub fn height(&self) -> Height {
        rules::read::last_block(self).map_or(Height::GENESIS, |(height, _)| height)
    }

    /// Agreed time.
    pub fn now(&self) -> Moment {
        agreed_time(self)
    }

    /// The root of the state; see [`crate::commitment`].
    pub fn root(&self) -> Digest {
        let block = self.disk.agreed(self.height());
        let datum = block.and_then(|block| Datum::read(&block.datum).ok());
        datum.map_or_else(|| read_tree(&self.view).root(), |datum| datum.heading.state)
    }

    /// At most `limit` rows whose keys begin with `prefix` and are not below `from`, in order.
    pub fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.view.scan(prefix, from, limit)
    }

    /// Shows what the state says about `key` to somebody who knows only the root. Reads every
    /// bucket, so it takes some ten milliseconds in a large ledger.
    pub fn prove(&self, key: &[u8]) -> Proof {
        read_tree(&self.view).prove(key, self.view.row(&bucket_of(key)))
    }
}
