//! Every open job on the ledger, whoever submitted it: its terms, and who runs which bundle.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::event::Event;
use protocol::ids::{BundleId, JobId, PeerId};
use protocol::job::Terms;

/// An open job.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) terms: Arc<Terms>,
    bundles: BTreeMap<u32, Vec<PeerId>>,
}

/// The open jobs. Their number is the ledger's to limit: each holds somebody's escrow.
#[derive(Debug, Default)]
pub(crate) struct KnownJobs {
    jobs: BTreeMap<JobId, Known>,
}

impl KnownJobs {
    pub(crate) fn terms(&self, job: &JobId) -> Option<&Arc<Terms>> {
        self.jobs.get(job).map(|known| &known.terms)
    }

    /// Who but `us` may have a bundle's blobs: the submitter's peer first, then who runs it.
    pub(crate) fn sources(&self, bundle: BundleId, us: PeerId) -> Vec<PeerId> {
        let Some(known) = self.jobs.get(&bundle.job) else {
            return Vec::new();
        };
        let mut sources = vec![known.terms.peer];
        for peer in known.bundles.get(&bundle.index).into_iter().flatten() {
            if !sources.contains(peer) {
                sources.push(*peer);
            }
        }
        sources.retain(|peer| *peer != us);
        sources
    }

    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::Submitted { job, terms, .. } => {
                let known = Known {
                    terms: Arc::new(terms.clone()),
                    bundles: BTreeMap::new(),
                };
                self.jobs.insert(*job, known);
            }
            Event::Drawn { bundle, peers, .. } => {
                if let Some(known) = self.jobs.get_mut(&bundle.job) {
                    known.bundles.insert(bundle.index, peers.clone());
                }
            }
            Event::Replaced {
                bundle, out, next, ..
            } => {
                let known = self.jobs.get_mut(&bundle.job);
                let Some(peers) = known.and_then(|k| k.bundles.get_mut(&bundle.index)) else {
                    return;
                };
                peers.retain(|peer| peer != out);
                peers.extend(*next);
            }
            Event::JobEnded { job, .. } => {
                self.jobs.remove(job);
            }
            _ => {}
        }
    }
}
