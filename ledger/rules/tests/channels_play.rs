//! I7, asked after every act of random plays in which channels and jobs share wallets: what is
//! redeemed is at most the deposit, and of a lane amount and nonce only grow, together.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/audit.rs"]
mod audit_scene;
#[path = "scene/canary.rs"]
mod canary_scene;
#[path = "scene/channel.rs"]
mod channel_scene;
#[path = "scene/job.rs"]
mod job_scene;
#[path = "scene/play.rs"]
mod play;
mod scene;

use std::collections::BTreeMap;

use channel_scene::*;
use play::{Act, Play, acts, replayed};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use protocol::entry::{ChannelRequest, LANES_MAX, Voucher};
use protocol::ids::{ChannelId, PartyId};
use protocol::units::{Credits, Millis, Moment};
use rules::{Account, Lane, read};
use scene::*;

/// Who pays and is paid here: the researcher, and owners of peers that jobs pay too.
const WHO: [Who; 4] = [R, ANNA, Who(41), Who(42)];

/// Something that someone does with a channel; numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Move {
    Job(Act),
    Open(u8, u8, u64, u64),
    TopUp(u8, u8, u64),
    /// By whom, of which channel, lane, nonce, amount, and who signed.
    Redeem(u8, u8, u8, u64, u64, u8),
    /// A voucher that keeps its channel for longer.
    Keep(u8, u64, u64),
    Settle(u8, u8),
    Collect(u8),
    Close(u8, u8),
}

fn moves() -> impl Strategy<Value = Move> {
    let n = any::<u8>;
    let amount = || 0..2_000_000_u64;
    prop_oneof![
        8 => acts().prop_map(Move::Job),
        4 => (n(), n(), amount(), 0..9_000_000_u64).prop_map(|(a, b, c, d)| Move::Open(a, b, c, d)),
        2 => (n(), n(), amount()).prop_map(|(a, b, c)| Move::TopUp(a, b, c)),
        16 => (n(), n(), n(), 0..9_u64, amount(), n())
            .prop_map(|(a, b, c, d, e, f)| Move::Redeem(a, b, c, d, e, f)),
        2 => (n(), 5..19_u64, 0..9_000_000_u64).prop_map(|(a, b, c)| Move::Keep(a, b, c)),
        3 => (n(), n()).prop_map(|(a, b)| Move::Settle(a, b)),
        3 => n().prop_map(Move::Collect),
        1 => (n(), n()).prop_map(|(a, b)| Move::Close(a, b)),
        1 => (0..9_000_000_u64).prop_map(|span| Move::Job(Act::Wait(span))),
    ]
}

fn one(n: u8) -> Who {
    WHO[usize::from(n) % WHO.len()]
}

fn named(party: PartyId) -> Who {
    *WHO.iter().find(|who| who.party() == party).unwrap()
}

/// Open channels, with what their lanes last were.
#[derive(Default)]
struct Seen {
    names: Vec<ChannelId>,
    lanes: BTreeMap<ChannelId, Vec<Lane>>,
}

impl Seen {
    fn any(&self, n: u8) -> Option<ChannelId> {
        let place = usize::from(n).checked_rem(self.names.len())?;
        Some(self.names[place])
    }

    /// Makes a move; most are refused.
    fn make(&mut self, play: &mut Play, made: Move) -> Option<()> {
        let scene = &mut play.scene;
        let later = |scene: &Scene, span| scene.at.now.after(Millis::new(span));
        match made {
            Move::Job(act) => play.act(act),
            Move::Open(from, to, amount, span) => {
                let (who, until) = ((one(from), one(from)), later(scene, span));
                let opened = scene.channel_signed_by(who, one(to), Credits::new(amount), until);
                self.names.extend(opened.ok());
            }
            Move::TopUp(by, n, amount) => {
                let (channel, amount) = (self.any(n)?, Credits::new(amount));
                let _ = scene.ask(one(by), ChannelRequest::TopUp { channel, amount });
            }
            Move::Redeem(by, n, lane, nonce, amount, signer) => {
                let channel = self.any(n)?;
                let row = scene.open_channel(channel);
                // Mostly by whom it pays, and signed by its payer.
                let right = |n: u8, party| if n < 200 { named(party) } else { one(n) };
                let paid = row.lane(lane % LANES_MAX).redeemed.get();
                let voucher = voucher(
                    scene,
                    channel,
                    (lane % 3, row.lane(lane % 3).nonce.saturating_sub(2) + nonce),
                    Credits::new((paid + amount).saturating_sub(400_000)),
                );
                let _ = scene.redeem(right(by, row.to), voucher, right(signer, row.from));
            }
            Move::Keep(n, nonce, span) => {
                let channel = self.any(n)?;
                let (row, min_settle) = (scene.open_channel(channel), later(scene, span));
                let bare = voucher(scene, channel, (15, nonce), Credits::new(nonce));
                let voucher = Voucher { min_settle, ..bare };
                let _ = scene.redeem(named(row.to), voucher, named(row.from));
            }
            Move::Settle(by, n) => {
                let channel = self.any(n)?;
                let _ = scene.ask(one(by), ChannelRequest::Settle { channel });
            }
            Move::Collect(n) => {
                let channel = self.any(n)?;
                let _ = scene.ask(ANNA, ChannelRequest::Collect { channel });
            }
            Move::Close(by, n) => {
                let channel = self.any(n)?;
                let _ = scene.ask(one(by), ChannelRequest::Close { channel });
            }
        }
        Some(())
    }

    /// I7, by the test's own memory of every lane.
    fn ask(&mut self, scene: &Scene) -> TestCaseResult {
        let held = |name| read::account(&scene.rows, Account::ChannelEscrow(name)).amount();
        for name in std::mem::take(&mut self.names) {
            let Some(row) = read::channel(&scene.rows, name) else {
                prop_assert_eq!(held(name), Credits::ZERO);
                continue;
            };
            self.names.push(name);
            let redeemed: u64 = row.lanes.iter().map(|lane| lane.redeemed.get()).sum();
            prop_assert!(redeemed <= row.deposit.get());
            prop_assert_eq!(held(name).get(), row.deposit.get() - redeemed);
            prop_assert!(row.lanes.len() <= usize::from(LANES_MAX));
            let before = self.lanes.insert(name, row.lanes.clone());
            for (was, is) in before.unwrap_or_default().iter().zip(&row.lanes) {
                let grew = is.nonce > was.nonce && is.redeemed > was.redeemed;
                prop_assert!(was == is || grew, "{:?} became {:?}", was, is);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// I7; every channel can be ended, its escrow is empty then; and (I20) the play replays.
    #[test]
    fn i7_channels_pay_what_was_set_aside_and_never_take_back(
        moves in prop::collection::vec(moves(), 1..250)
    ) {
        let (scene, jobs) = (Scene::new().ready(cr(2_000), cr(1)), Vec::new());
        let (mut play, mut seen) = (Play { scene, jobs }, Seen::default());
        for made in moves {
            seen.make(&mut play, made);
            seen.ask(&play.scene)?;
        }
        for channel in seen.names.clone() {
            let row = play.scene.open_channel(channel);
            prop_assert!(row.min_settle < Moment::new(u64::MAX));
            play.scene.ask(named(row.to), ChannelRequest::Close { channel }).unwrap();
        }
        seen.ask(&play.scene)?;
        prop_assert!(seen.names.is_empty());
        prop_assert_eq!(replayed(&play.scene), play.scene.rows);
    }
}
