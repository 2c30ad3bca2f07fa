//! Seals like everyone and never opens.

use protocol::entry::Body;
use protocol::message::Message;
use steward::Effect;

use super::Role;

#[derive(Debug)]
pub(super) struct Silent;

impl Role for Silent {
    fn bend(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Propose {
                body: Body::OpenBatch { .. },
                ..
            }
            | Effect::Send {
                message: Message::Openings { .. },
                ..
            } => None,
            other => Some(other),
        }
    }
}
